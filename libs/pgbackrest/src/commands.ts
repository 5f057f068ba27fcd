import { checkStanzaName } from './stanza-name';

/** A program and its arguments, run without a shell, as `postgres`, on a machine whose /etc/pgbackrest.conf knows the stanza. */
export type Argv = string[];

export type BackupType = 'full' | 'diff' | 'incr';

/** What happens goes to standard output, errors to standard error only, so that the two streams say which is which. */
const logging = ['--log-level-console=info', '--log-level-stderr=error'];

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

/** Makes a backup, on the leader, and expires what the retention no longer keeps. */
export const backup = (stanza: string, type: BackupType): Argv =>
  pgbackrest('backup', stanza, `--type=${type}`);

/** Removes what the retention in the configuration no longer keeps. */
export const expire = (stanza: string): Argv => pgbackrest('expire', stanza);

/** Tells what the store holds, as JSON on standard output: see `parseInfo`. Any machine of the cluster can be asked. */
export const info = (stanza: string): Argv => [
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
export const stanzaDelete = (stanza: string): Argv =>
  inTurn(
    ['pgbackrest', `--stanza=${checkStanzaName(stanza)}`, ...logging, '--force', 'stop'],
    pgbackrest('stanza-delete', stanza, '--force', ioTimeout(10)),
  );
