import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { LabPaths } from './lab-paths';
import type { MachineView } from './machine-api';

/** Writes an ssh configuration and the known hosts of all machines, so that `ssh -F <config> NAME` is strict and asks nothing. */
export function writeSshConfig(paths: LabPaths, machines: readonly MachineView[]): void {
  mkdirSync(dirname(paths.sshConfig), { recursive: true, mode: 0o700 });
  replace(
    paths.knownHosts,
    machines.map(({ name, address, hostKey }) => `${name},${address} ${hostKey}\n`).join(''),
  );
  const hosts = machines.map(
    ({ name, address }) => `Host ${name}\n  HostName ${address}\n  HostKeyAlias ${name}\n`,
  );
  const all = [
    'Host *',
    '  User root',
    `  IdentityFile ${paths.sshKey}`,
    '  IdentitiesOnly yes',
    `  UserKnownHostsFile ${paths.knownHosts}`,
    '  GlobalKnownHostsFile /dev/null',
    '  StrictHostKeyChecking yes',
    '  ConnectTimeout 5',
    '',
  ];
  replace(paths.sshConfig, [...hosts, all.join('\n')].join('\n'));
}

function replace(file: string, text: string): void {
  writeFileSync(`${file}.tmp`, text, { mode: 0o600 });
  renameSync(`${file}.tmp`, file);
}
