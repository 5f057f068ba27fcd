import { z } from 'zod';
import { checkLabel } from './backup-label';
import { checkStanzaName, repositoryPath } from './stanza-name';
import { tellProgress } from './tell-progress';

/** A program and its arguments, run without a shell, as `postgres`, on a machine whose /etc/pgbackrest.conf knows the stanza. */
export type Argv = string[];

export type BackupType = 'full' | 'diff' | 'incr';

/** What happens goes to standard output, errors to standard error only, so that the two streams say which is which. */
const logging = ['--log-level-console=info', '--log-level-stderr=error'];

/** For `tellProgress`, which makes a line a second of it. */
export const everyFile = ['--log-level-console=detail', '--log-level-stderr=error'];

const pgbackrest = (command: string, stanza: string, ...options: string[]): Argv => [
  'pgbackrest',
  `--stanza=${checkStanzaName(stanza)}`,
  ...logging,
  ...options,
  command,
];

/** Runs the first, and the second if it succeeded. No word needs quoting: they are ours, and the stanza's name is checked. */
const inTurn = (first: Argv, second: Argv): Argv => [
  '/bin/sh',
  '-c',
  `${first.join(' ')} && exec ${second.join(' ')}`,
];

/**
 * pgBackRest tries a store that does not answer about nine times for `--io-timeout` each (measured), a minute by default: a caller
 * who waits must choose less.
 */
const ioTimeout = (seconds: number): string => `--io-timeout=${seconds}`;

/** Makes the stanza in the store, on the leader. One that is there already and fits is left as it is. */
export const stanzaCreate = (stanza: string): Argv => pgbackrest('stanza-create', stanza, ioTimeout(10));

/** Proves the archive, on the leader: switches the WAL segment and waits (60 s) until the store has it. */
export const check = (stanza: string): Argv => pgbackrest('check', stanza, ioTimeout(10));

/**
 * Makes the stanza and proves the archive in one run. The segment switch of `check` wakes the archiver of PostgreSQL, which
 * otherwise waits for up to a minute after it has failed three times for want of the stanza (measured: 0.6 s instead).
 */
export const stanzaCreateAndCheck = (stanza: string): Argv => inTurn(stanzaCreate(stanza), check(stanza));

/** Who made a backup; the store keeps it with the backup: see `BackupInfo`. */
export interface BackupOrigin {
  member: string;
  from: 'replica' | 'leader';
  /** Why it was not made from a replica, though it was to be. */
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

/** Makes a backup, on the leader, and tells how far it is. Expires nothing: see `expire`. */
export const backup = (
  stanza: string,
  type: BackupType,
  { member, insteadOfReplica }: Omit<BackupOrigin, 'from'>,
): Argv => backupOf(stanza, type, { member, from: 'leader', insteadOfReplica });

/** Where role postgres_node says how one node reaches the pgBackRest server of another; only these two commands read it. */
const peers = '--config-include-path=/etc/pgfleet/backup-from-replica';
const host = z.ipv4();

/**
 * Makes a backup, on a replica, and tells how far it is: its files are read there and go from there to the store. The leader at that
 * address is asked to begin and to end it, and for the few files that are not replicated. It is asked first whether it answers. Where a
 * connection is to be made anew pgBackRest goes on trying for three times `--io-timeout` (measured), also after it has given up the backup.
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

/** Removes all but so many full backups, what builds on those that go, and the WAL before the oldest that stays. */
export const expire = (stanza: string, fulls: number): Argv =>
  pgbackrest('expire', stanza, ...retention(fulls));

/** Removes one backup and those that build on it, and the WAL before the oldest of the `fulls` that stay. */
export const expireSet = (stanza: string, label: string, fulls: number): Argv =>
  pgbackrest('expire', stanza, `--set=${checkLabel(label)}`, ...retention(fulls));

/** Python: runs its arguments, a `pgbackrest info`, and passes on what it prints without the lists that `parseInfo` does not read. */
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

/** Tells what the store holds, as JSON on standard output: see `parseInfo`. Any machine of the cluster can be asked. */
export const info = (stanza: string): Argv => [
  ...['/usr/bin/python3', '-s', '-c', shortInfo],
  ...fullInfo(stanza),
];

/** The same with all that pgBackRest says. */
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
 * Removes the stanza with every backup. It must be stopped on this machine first, which also ends what runs there; `--force`
 * because PostgreSQL may run: the archive is given up on purpose. Does nothing when it is gone already.
 */
export const stanzaDelete = (stanza: string, ...options: string[]): Argv =>
  inTurn(
    ['pgbackrest', `--stanza=${checkStanzaName(stanza)}`, ...logging, '--force', 'stop'],
    pgbackrest('stanza-delete', stanza, ...options, '--force', ioTimeout(10)),
  );

/**
 * The same for a lineage that the machine's configuration does not know, of this cluster or of another. The way to the store is the same for
 * all but for the folder, nothing that is encrypted is read, and no PostgreSQL belongs to it: pgBackRest only wants to be told a path.
 */
export const leftStanzaDelete = (stanza: string): Argv =>
  stanzaDelete(stanza, `--repo1-path=${repositoryPath(stanza)}`, '--pg1-path=/nonexistent');
