import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { stripVTControlCharacters } from 'node:util';
import type { Cgroup } from './cgroup';
import type { MachinePaths } from './machine-paths';
import { SEARCH_PATH } from './run-command';

const CONSOLE_LINES = 4;

/** nspawn's name for a machine on the host; unique across labs. */
export function nspawnName(lab: string, name: string): string {
  return `${lab}-${name}`;
}

/**
 * Starts systemd as PID 1 of a machine with a mounted disk and an existing network, and resolves once nspawn runs. The machine is
 * in its own session and cgroup and writes its console to a file: it does not notice when its starter dies. Needs no systemd on
 * the host: registers nothing with machined, and requests no unit or scope.
 */
export async function startMachine(
  lab: string,
  name: string,
  paths: MachinePaths,
  group: Cgroup,
  alsoEnters: string[],
): Promise<void> {
  const console = openSync(paths.console, 'a', 0o600);
  try {
    writeSync(console, `\n--- power on ${new Date().toISOString()}\n`);
    // The shell enters the groups before it becomes nspawn, so that no process of the machine is ever outside.
    const enter = [group.procs, ...alsoEnters].map((procs) => `echo $$ >'${procs}'`).join(' && ');
    const child = spawn('sh', ['-c', `${enter} && exec "$0" "$@"`, ...nspawnCommand(lab, name, paths)], {
      detached: true,
      stdio: ['ignore', console, console],
      env: {
        PATH: SEARCH_PATH,
        // The machine sees only cgroup v2, even on a host that gives its controllers to v1: systemd 257 accepts nothing else.
        UNIFIED_CGROUP_HIERARCHY: '1',
        SYSTEMD_NSPAWN_UNIFIED_HIERARCHY: '1',
        // The machine has its own network namespace, so the settings under /proc/sys/net are its own too.
        SYSTEMD_NSPAWN_API_VFS_WRITABLE: 'network',
        // Lock files would remain after a power loss; the group already ensures that a machine is started only once.
        SYSTEMD_NSPAWN_LOCK: '0',
      },
    });
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', (error) => reject(new Error(`cannot start systemd-nspawn: ${error.message}`)));
    });
    child.unref();
    while (!group.populated) {
      if (child.exitCode !== null)
        throw new Error(`systemd-nspawn ended with ${child.exitCode}: ${lastConsoleLines(paths)}`);
      await delay(2);
    }
  } finally {
    closeSync(console);
  }
}

function nspawnCommand(lab: string, name: string, paths: MachinePaths): string[] {
  return [
    'systemd-nspawn',
    '--quiet',
    '--boot',
    '--register=no',
    '--keep-unit',
    '--settings=no',
    `--machine=${nspawnName(lab, name)}`,
    `--hostname=${name}`,
    `--directory=${paths.root}`,
    `--network-namespace-path=${paths.netns}`,
    '--capability=CAP_NET_ADMIN',
    '--resolv-conf=off',
    '--timezone=off',
    '--link-journal=no',
    '--console=read-only',
  ];
}

/** Removes what nspawn leaves on the host after a machine's sudden death. */
export async function removeNspawnTraces(lab: string, name: string): Promise<void> {
  for (const dir of ['/run/systemd/nspawn/propagate', '/run/systemd/nspawn/unix-export']) {
    await rm(`${dir}/${nspawnName(lab, name)}`, { recursive: true, force: true });
  }
}

/** The last console output of a machine since it was switched on, as one line. */
export function lastConsoleLines(paths: MachinePaths): string {
  const [, sincePowerOn = ''] = readFileSync(paths.console, 'utf8').split(
    /--- power on .*\n(?![^]*--- power on )/,
  );
  const lines = stripVTControlCharacters(sincePowerOn)
    .split(/[\r\n]+/)
    .map((line) => line.trim())
    .filter(Boolean);
  return lines.slice(-CONSOLE_LINES).join(' | ') || 'nothing on the console';
}
