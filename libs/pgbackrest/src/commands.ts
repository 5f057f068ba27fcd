import { z } from 'zod';
import { checkLabel } from './backup-label';
import { checkStanzaName, repositoryPath } from './stanza-name';
import { tellProgress } from './tell-progress';

/** A program and its arguments. It runs without a shell, as `postgres`, on a machine whose /etc/pgbackrest.conf knows the stanza. */
export type Argv = string[];

export type BackupType = 'full' | 'diff' | 'incr';

/** Progress goes to standard output and errors only to standard error, so that the streams keep them apart. */
const logging = ['--log-level-console=info', '--log-level-stderr=error'];

/** For `tellProgress`, which condenses this to one line a second. */
export const everyFile = ['--log-level-console=detail', '--log-level-stderr=error'];

const pgbackrest = (command: string, stanza: string, ...options: string[]): Argv => [
  'pgbackrest',
  `--stanza=${checkStanzaName(stanza)}`,
  ...logging,
  ...options,
  command,
];

/**
 * Runs the first command, then the second if the first succeeded. No word needs quoting: the words are ours, and the stanza's
 * name is checked.
 */
const inTurn = (first: Argv, second: Argv): Argv => [
  '/bin/sh',
  '-c',
  `${first.join(' ')} && exec ${second.join(' ')}`,
];

/**
 * pgBackRest tries a repository that does not answer about nine times for `--io-timeout` each (measured). The default is a
 * minute: a caller that waits must choose less.
 */
const ioTimeout = (seconds: number): string => `--io-timeout=${seconds}`;

/** Creates the stanza in the repository, from the leader. A matching stanza that already exists stays unchanged. */
export const stanzaCreate = (stanza: string): Argv => pgbackrest('stanza-create', stanza, ioTimeout(10));

/** Proves the archive, on the leader: switches the WAL segment and waits (60 s) until the repository has it. */
export const check = (stanza: string): Argv => pgbackrest('check', stanza, ioTimeout(10));

/**
 * Creates the stanza and proves the archive in one run. The segment switch of `check` wakes PostgreSQL's archiver, which
 * otherwise waits for up to a minute after three failures caused by the missing stanza (measured: 0.6 s instead).
 */
export const stanzaCreateAndCheck = (stanza: string): Argv => inTurn(stanzaCreate(stanza), check(stanza));

/** Which member created a backup; the repository keeps it with the backup: see `BackupInfo`. */
export interface BackupOrigin {
  member: string;
  from: 'replica' | 'leader';
  /** Why a replica did not create the backup although it should have. */
  insteadOfReplica?: string | undefined;
}

const annotationLimit = 300;
const annotations = (origin: BackupOrigin): string[] =>
  Object.entries(origin)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `--annotation=${key}=${String(value).slice(0, annotationLimit)}`);

const backupOf = (stanza: string, type: BackupType, origin: BackupOrigin, ...options: string[]): Argv => [
  ...tellProgress,
  'pgbackrest',
  `--stanza=${checkStanzaName(stanza)}`,
  ...everyFile,
  `--type=${type}`,
  '--no-expire-auto',
  ...annotations(origin),
  ...options,
  'backup',
];

/** Creates a backup, on the leader, and reports progress. Expires nothing: see `expire`. */
export const backup = (
  stanza: string,
  type: BackupType,
  { member, insteadOfReplica }: Omit<BackupOrigin, 'from'>,
): Argv => backupOf(stanza, type, { member, from: 'leader', insteadOfReplica });

/** Here the role postgres_node configures how a node reaches another node's pgBackRest server; only these two commands read it. */
const peers = '--config-include-path=/etc/pgfleet/backup-from-replica';
const host = z.ipv4();

/**
 * Creates a backup, on a replica, and reports progress: files are read there and sent from there to the repository. The leader at
 * the given address begins and ends the backup, and provides the few files that are not replicated. The command first checks that
 * the leader answers. When pgBackRest must reconnect, it keeps trying for three times `--io-timeout` (measured), even after it
 * has given up the backup.
 */
export const backupFromReplica = (
  stanza: string,
  type: BackupType,
  { member, leaderAddress }: { member: string; leaderAddress: string },
): Argv => {
  const leader = host.parse(leaderAddress);
  const ping = ['pgbackrest', peers, ...logging, ioTimeout(5), 'server-ping', leader];
  return [
    ...['/bin/sh', '-c', `${ping.join(' ')} && exec "$@"`, 'backup-from-replica'],
    ...backupOf(
      stanza,
      type,
      { member, from: 'replica' },
      peers,
      ioTimeout(20),
      `--pg2-host=${leader}`,
      '--backup-standby=y',
    ),
  ];
};

const retention = (fulls: number): string[] => [
  '--repo1-retention-full-type=count',
  `--repo1-retention-full=${Math.max(1, Math.trunc(fulls))}`,
];

/** Removes all but this many full backups, the backups that build on the removed ones, and the WAL before the oldest remaining one. */
export const expire = (stanza: string, fulls: number): Argv =>
  pgbackrest('expire', stanza, ...retention(fulls));

/** Removes one backup and those that build on it, and the WAL before the oldest of the remaining `fulls`. */
export const expireSet = (stanza: string, label: string, fulls: number): Argv =>
  pgbackrest('expire', stanza, `--set=${checkLabel(label)}`, ...retention(fulls));

/** Python: runs its arguments, a `pgbackrest info`, and passes on the output without the lists that `parseInfo` does not read. */
export const shortInfo = `
import json, subprocess, sys
ran = subprocess.run(sys.argv[1:], stdout=subprocess.PIPE)
if ran.returncode != 0:
    sys.stdout.buffer.write(ran.stdout)
    sys.exit(ran.returncode if ran.returncode > 0 else 128 - ran.returncode)
stanzas = json.loads(ran.stdout)
for stanza in stanzas:
    for backup in stanza.get("backup", []):
        backup.pop("reference", None)
json.dump(stanzas, sys.stdout, separators=(",", ":"))
`;

/** Prints what the repository holds, as JSON on standard output: see `parseInfo`. Runs on any machine of the cluster. */
export const info = (stanza: string): Argv => [
  ...['/usr/bin/python3', '-s', '-c', shortInfo],
  ...fullInfo(stanza),
];

/** The same with everything that pgBackRest reports. */
export const fullInfo = (stanza: string): Argv => [
  'pgbackrest',
  `--stanza=${checkStanzaName(stanza)}`,
  '--log-level-console=off',
  '--log-level-stderr=error',
  '--output=json',
  ioTimeout(2),
  'info',
];

/**
 * Removes the stanza with every backup. First stops the stanza on this machine, which also ends running commands. `--force` is
 * needed because PostgreSQL may be running: the archive is given up on purpose. Does nothing when the stanza is already gone.
 */
export const stanzaDelete = (stanza: string, ...options: string[]): Argv =>
  inTurn(
    ['pgbackrest', `--stanza=${checkStanzaName(stanza)}`, ...logging, '--force', 'stop'],
    pgbackrest('stanza-delete', stanza, ...options, '--force', ioTimeout(10)),
  );

/**
 * The same for a lineage that the machine's configuration does not know, of this cluster or of another. Only the folder in the
 * repository differs. The command reads nothing encrypted, and no PostgreSQL belongs to the lineage: pgBackRest merely insists on
 * a path.
 */
export const leftStanzaDelete = (stanza: string): Argv =>
  stanzaDelete(stanza, `--repo1-path=${repositoryPath(stanza)}`, '--pg1-path=/nonexistent');
