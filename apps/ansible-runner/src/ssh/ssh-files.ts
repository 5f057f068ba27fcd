import { createHash } from 'node:crypto';
import type { JobHost } from '@pgfleet/contracts';

/** Seconds that a connection stays open for the next task or job that needs the machine. */
const persistSeconds = 60;
const connectSeconds = 10;

/** A known_hosts file: a job connects only to machines with exactly these keys. */
export const knownHosts = (hosts: readonly JobHost[]): string =>
  [...new Set(hosts.map(({ address, hostKey }) => `${address} ${hostKey}\n`))].join('');

/**
 * The socket of the shared connection to a machine, for playbooks and commands alike. Its name depends on the host key too, so
 * that a new machine at an old address is never reached over the old machine's connection. The name is short because a socket's
 * path has at most 108 bytes.
 */
export const controlPath = (directory: string, { user, address, hostKey }: JobHost): string => {
  const name = createHash('sha256').update(`${user}@${address} ${hostKey}`).digest('hex').slice(0, 16);
  return `${directory}/${name}`;
};

export interface SshFiles {
  keyFile: string;
  knownHostsFile: string;
  controlDirectory: string;
}

/** Options that Ansible's ssh and ours share: no user's ssh configuration, one key, strict host keys. */
export const identityOptions = ({ knownHostsFile }: Pick<SshFiles, 'knownHostsFile'>): string[] => [
  '-F',
  '/dev/null',
  '-oIdentitiesOnly=yes',
  `-oUserKnownHostsFile=${knownHostsFile}`,
  '-oGlobalKnownHostsFile=/dev/null',
];

/** The command line that runs `remote`, one shell command, on a machine. ssh's own messages go to `logFile`. */
export const sshCommand = (host: JobHost, remote: string, files: SshFiles, logFile: string): string[] => [
  'ssh',
  ...identityOptions(files),
  ...['-i', files.keyFile, '-E', logFile, '-n', '-T'],
  '-oBatchMode=yes',
  '-oStrictHostKeyChecking=yes',
  '-oPreferredAuthentications=publickey',
  '-oGSSAPIAuthentication=no',
  '-oControlMaster=auto',
  `-oControlPersist=${persistSeconds}s`,
  `-oControlPath=${controlPath(files.controlDirectory, host)}`,
  `-oConnectTimeout=${connectSeconds}`,
  '-oServerAliveInterval=5',
  '-oServerAliveCountMax=3',
  `${host.user}@${host.address}`,
  '--',
  remote,
];
