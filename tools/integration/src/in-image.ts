import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';

export interface InImage {
  /** Root file system with the program in it: see `serversRoot`. */
  readonly root: string;
  /** Folder of the host that the program sees as /srv. */
  readonly data: string;
  /** The user of the image that the program runs as. */
  readonly user: string;
  readonly argv: readonly string[];
  readonly env?: Record<string, string>;
  /** Another running program: this one joins its mounts and processes, as on one machine, and ends with it. */
  readonly beside?: ChildProcess;
}

export interface Ran {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Separate mount and process namespaces: everything in them ends when the process started here is killed. */
const enter = `
  mount --bind "$DATA" "$ROOT/srv" && mount -t proc proc "$ROOT/proc" && mount --rbind /dev "$ROOT/dev" &&
  exec chroot "$ROOT" setpriv --reuid "$RUN_AS" --regid "$RUN_AS" --clear-groups --pdeathsig KILL -- "$@"
`;

/** The last process in the chain that was started here. */
const innermost = ({ pid }: ChildProcess): string =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')[0] || String(pid);

const isolated = (argv: readonly string[]): string[] =>
  ['unshare', '--mount', '--pid', '--fork', '--kill-child=KILL', '--propagation', 'private', '--']
    .concat(['sh', '-c', enter, 'sh'])
    .concat(argv);

const joined = (other: ChildProcess, user: string, argv: readonly string[]): string[] =>
  ['nsenter', '--target', innermost(other), '--mount', '--pid', '--root', '--wd', '--']
    .concat(['setpriv', '--reuid', user, '--regid', user, '--clear-groups', '--pdeathsig', 'KILL', '--'])
    .concat(argv);

/** Starts a program of the node image; the program and everything it has started die with this process. */
export const startInImage = ({ root, data, user, argv, env = {}, beside }: InImage): ChildProcess =>
  spawn(
    'setpriv',
    ['--pdeathsig', 'KILL', '--'].concat(beside ? joined(beside, user, argv) : isolated(argv)),
    {
      env: { PATH: process.env.PATH, LC_ALL: 'C.UTF-8', ...env, ROOT: root, DATA: data, RUN_AS: user },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );

/** Tells all processes started by this one to end, as systemd does with a unit; the process itself only waits for them. */
const terminate = (pid: number): void => {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
    .trim()
    .split(' ')
    .filter(Boolean);
  for (const child of children.map(Number))
    try {
      terminate(child);
      process.kill(child, 'SIGTERM');
    } catch {
      // It has ended meanwhile.
    }
};

/** Runs a program of the node image to its end, whatever its exit code, or until it is told to end. */
export const runInImage = async (program: InImage, stop?: AbortSignal): Promise<Ran> => {
  const child = startInImage(program);
  stop?.addEventListener('abort', () => terminate(child.pid!));
  let [stdout, stderr] = ['', ''];
  child.stdout!.on('data', (chunk) => (stdout += chunk));
  child.stderr!.on('data', (chunk) => (stderr += chunk));
  const [code] = (await once(child, 'close')) as [number | null];
  return { exitCode: code ?? 128, stdout, stderr };
};
