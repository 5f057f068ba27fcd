import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import type { Readable } from 'node:stream';

const leaseExec = join(__dirname, '..', '..', 'bin', 'lease-exec');
/** Grace for a process that left the job's environment and keeps the output open. */
export const outputGraceMs = 2000;

export interface GuardedCommand {
  /** The job, or its part on one machine. */
  jobId: string;
  argv: readonly string[];
  cwd: string;
  env: Record<string, string>;
  /** A file that is removed once the process has ended, even if the runner is gone as well. */
  removes?: string;
}

/** How long a process may live, in `uptime()`. `onRenewed` reports later moments until its result is called. */
export interface Lifetime {
  readonly until: number;
  onRenewed(listener: (until: number) => void): () => void;
}

/**
 * A command under `lease-exec`. It ends with all its children when its lifetime is over, when `kill` is called, and when this
 * process dies or freezes.
 */
export class GuardedProcess {
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** The exit code (128 + n for signal n) once no process of the job is left; rejects when the command could not be started. */
  readonly ended: Promise<number>;
  private readonly child: ChildProcess;

  constructor(command: GuardedCommand, lifetime: Lifetime) {
    const { jobId, argv, cwd, env, removes } = command;
    const options = [
      '--job',
      jobId,
      '--until',
      String(lifetime.until),
      ...(removes ? ['--remove', removes] : []),
    ];
    // It also gets its own session: the runner handles Ctrl-C at its terminal itself.
    const child = spawn(leaseExec, [...options, '--', ...argv], { cwd, env, stdio: 'pipe', detached: true });
    this.child = child;
    this.stdout = child.stdout;
    this.stderr = child.stderr;
    // The process may already be gone when a heartbeat is sent.
    child.stdin.on('error', () => undefined);
    const stop = lifetime.onRenewed((until) => child.stdin.write(`${until}\n`));
    this.ended = this.end().finally(stop);
    this.ended.catch(() => undefined);
  }

  /** Kills every process of the job; `ended` settles when that is done. */
  kill(): void {
    this.child.stdin?.end();
  }

  private end(): Promise<number> {
    return new Promise((resolve, reject) => {
      const { child } = this;
      child.once('error', reject);
      child.once('exit', () => {
        child.stdin?.end();
        const grace = setTimeout(() => {
          child.stdout?.destroy();
          child.stderr?.destroy();
        }, outputGraceMs);
        child.once('close', () => clearTimeout(grace));
      });
      // A signal to lease-exec itself leaves its watcher running, which ends the job because standard input has ended.
      child.once('close', (code) => resolve(code ?? 137));
    });
  }
}
