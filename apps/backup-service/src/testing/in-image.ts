import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

export interface Ran {
  exitCode: number;
  stdout: string;
  stderr: string;
}

/** Mounts of its own, which end with it; the folder `data` of the host is /srv inside. */
const enter = `
  mount --bind "$DATA" "$ROOT/srv" && mount --rbind /dev "$ROOT/dev" && mount --rbind /proc "$ROOT/proc" && exec chroot "$ROOT" setpriv \\
    --reuid postgres --regid postgres --clear-groups --pdeathsig KILL -- "$@"
`;

/** Starts a program of the node image as postgres; it dies with this process. */
export const startInImage = (root: string, data: string, argv: string[]): ChildProcess =>
  spawn(
    'setpriv',
    ['--pdeathsig', 'KILL', '--', 'unshare', '--mount', '--propagation', 'private', '--'].concat(
      ['sh', '-c', enter, 'sh'],
      argv,
    ),
    {
      env: {
        PATH: process.env.PATH,
        LC_ALL: 'C.UTF-8',
        ROOT: root,
        DATA: data,
        PGBACKREST_CONFIG: '/srv/pgbackrest.conf',
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );

/** Runs a program of the node image to its end. */
export const runInImage = async (root: string, data: string, argv: string[]): Promise<Ran> => {
  const child = startInImage(root, data, argv);
  let [stdout, stderr] = ['', ''];
  child.stdout!.on('data', (chunk) => (stdout += chunk));
  child.stderr!.on('data', (chunk) => (stderr += chunk));
  const [code] = (await once(child, 'close')) as [number | null];
  return { exitCode: code ?? 128, stdout, stderr };
};
