import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The repository's root: this file may run from src or from dist. */
const repository = (): string => {
  let dir = __dirname;
  while (!existsSync(join(dir, 'nx.json'))) dir = dirname(dir);
  return dir;
};

/** A TypeScript program of a spec, in a separate process that can be killed and frozen; it dies with the spec. */
export class ProgramProcess {
  private readonly child: ChildProcess;
  private readonly closed: Promise<unknown>;
  private output = '';

  constructor(file: string, env: Record<string, string>) {
    this.child = spawn(
      'setpriv',
      ['--pdeathsig', 'KILL', '--', process.execPath, '--enable-source-maps']
        .concat(['-r', join(repository(), 'tools/integration/register.cjs')])
        .concat([file]),
      { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] },
    );
    this.closed = once(this.child, 'close');
    const keep = (chunk: Buffer) => (this.output += chunk.toString());
    this.child.stdout!.on('data', keep);
    this.child.stderr!.on('data', keep);
  }

  get pid(): number {
    return this.child.pid!;
  }

  get running(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  /** Everything that it has written, to both streams. */
  get log(): string {
    return this.output;
  }

  signal(signal: 'SIGTERM' | 'SIGSTOP' | 'SIGCONT'): void {
    this.child.kill(signal);
  }

  /** `kill -9`; resolves when the process is gone. */
  async kill(): Promise<void> {
    if (this.running) this.child.kill('SIGKILL');
    await this.closed;
  }

  /** Resolves when the process has ended by itself: with the exit code, or null when a signal ended it. */
  async ended(): Promise<number | null> {
    await this.closed;
    return this.child.exitCode;
  }
}
