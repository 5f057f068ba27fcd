import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, chmodSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

export interface ServerSpec {
  readonly name: string;
  /** Root file system with the program in it. */
  readonly root: string;
  /** Folder on the host that the program sees as /srv; its log is beside it. */
  readonly data: string;
  /** The user of the image that the program runs as; owns the data. */
  readonly user: string;
  readonly argv: readonly string[];
  /** Resolves when the server answers; repeated until it does. */
  readonly ready: () => Promise<void>;
}

/**
 * Separate mount and process namespaces: the mounts end with the namespace, and all processes with their first one. Each link of
 * the chain (this process, unshare, the server) dies with the one before it, even when that is killed with -9.
 */
const enter = `
  mount --bind "$DATA" "$ROOT/srv" && mount -t proc proc "$ROOT/proc" && mount --rbind /dev "$ROOT/dev" &&
  exec chroot "$ROOT" setpriv --reuid "$RUN_AS" --regid "$RUN_AS" --clear-groups --pdeathsig KILL -- "$@"
`;
const startWithinMs = 30_000;

/** Runs a program of the root file system to its end; throws with its output when it fails. */
export const runToEnd = async (spec: Omit<ServerSpec, 'ready' | 'name'>): Promise<void> => {
  const child = launch(spec);
  let output = '';
  child.stdout!.on('data', (chunk) => (output += chunk));
  child.stderr!.on('data', (chunk) => (output += chunk));
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`${spec.argv.join(' ')} failed (${code}): ${output}`);
};

const launch = ({ root, data, user, argv }: Omit<ServerSpec, 'ready' | 'name'>): ChildProcess =>
  spawn(
    'setpriv',
    ['--pdeathsig', 'KILL', '--', 'unshare', '--mount', '--pid', '--fork', '--kill-child=KILL']
      .concat(['--propagation', 'private', '--', 'sh', '-c', enter, 'sh'])
      .concat(argv),
    {
      env: { PATH: process.env.PATH, LC_ALL: 'C.UTF-8', ROOT: root, DATA: data, RUN_AS: user },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );

/** A real server that a spec can kill, freeze and start again on the same data. */
export class ServerProcess {
  private child: ChildProcess | undefined;
  private closed: Promise<unknown> = Promise.resolve();

  constructor(private readonly spec: ServerSpec) {
    mkdirSync(spec.data, { recursive: true });
    chmodSync(spec.data, 0o755);
  }

  /** Starts the server and waits until it answers. */
  async start(): Promise<void> {
    const child = launch(this.spec);
    this.child = child;
    this.closed = once(child, 'close');
    const keep = (chunk: Buffer) => appendFileSync(this.logFile, chunk);
    child.stdout!.on('data', keep);
    child.stderr!.on('data', keep);
    const deadline = Date.now() + startWithinMs;
    for (;;) {
      if (child.exitCode !== null) throw new Error(`${this.spec.name} ended at start: ${this.log()}`);
      try {
        await this.spec.ready();
        return;
      } catch (error) {
        if (Date.now() > deadline)
          throw new Error(`${this.spec.name} does not answer: ${this.log()}`, { cause: error });
        await pause(30);
      }
    }
  }

  /** `kill -9`: nothing is flushed, and no peer is notified. Resolves when the server is gone. */
  async kill(): Promise<void> {
    if (this.child && this.child.exitCode === null && this.child.signalCode === null) {
      process.kill(this.pid(), 'SIGKILL');
    }
    await this.closed;
  }

  freeze(): void {
    process.kill(this.pid(), 'SIGSTOP');
  }

  thaw(): void {
    process.kill(this.pid(), 'SIGCONT');
  }

  log(): string {
    return readFileSync(this.logFile, 'utf8').slice(-4_000);
  }

  private get logFile(): string {
    return join(this.spec.data, '..', `${this.spec.name}.log`);
  }

  /** The server itself is the only child of unshare. */
  private pid(): number {
    const outer = this.child!.pid!;
    const [inner] = readFileSync(`/proc/${outer}/task/${outer}/children`, 'utf8').trim().split(' ');
    return Number(inner || outer);
  }
}
