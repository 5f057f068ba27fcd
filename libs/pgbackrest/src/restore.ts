import { everyFile, type Argv } from './commands';
import { checkStanzaName } from './stanza-name';
import { tellProgress } from './tell-progress';

/** How far PostgreSQL recovers what was restored. `time` is RFC 3339 with an offset. */
export type RecoveryTarget =
  | { type: 'latest' }
  | { type: 'time'; time: string; inclusive?: boolean | undefined }
  | { type: 'lsn'; lsn: string; inclusive?: boolean | undefined }
  | { type: 'xid'; xid: string; inclusive?: boolean | undefined }
  | { type: 'name'; name: string }
  | { type: 'backup'; label: string };

export interface Restore {
  stanza: string;
  /** A configuration file that knows the stanza; PostgreSQL fetches WAL with it as well. */
  config: string;
  target: RecoveryTarget;
  /** The backup to begin with. */
  label: string;
  timeline: number;
}

const rfc3339 = /^(\d{4}-\d{2}-\d{2})T(\d{2}:\d{2}(?::\d{2})?)(?:\.(\d+))?(Z|[+-]\d{2}:\d{2})$/;
const microseconds = 6;

/**
 * The moment as PostgreSQL and pgBackRest read it, in UTC: `2026-11-23 12:00:00.123456+00`. A Date knows milliseconds only, so the
 * fraction is carried over as it stands; what is finer than a microsecond is cut off.
 * @throws TypeError for text that is no such moment
 */
export const recoveryTime = (time: string): string => {
  const [, date, clock, fraction = '', offset] = rfc3339.exec(time) ?? [];
  const seconds = new Date(`${date}T${clock}${offset}`);
  if (Number.isNaN(seconds.getTime())) throw new TypeError(`not a time with an offset: ${time}`);
  const [day, ofDay = ''] = seconds.toISOString().split('T');
  return `${day} ${ofDay.slice(0, 8)}.${fraction.slice(0, microseconds).padEnd(microseconds, '0')}+00`;
};

const exclusive = ({ inclusive }: { inclusive?: boolean | undefined }): Argv =>
  inclusive === false ? ['--target-exclusive'] : [];

const targetOptions = (target: RecoveryTarget): Argv => {
  switch (target.type) {
    case 'latest':
      return ['--type=default'];
    case 'time':
      return ['--type=time', `--target=${recoveryTime(target.time)}`, ...exclusive(target)];
    case 'lsn':
      return ['--type=lsn', `--target=${target.lsn}`, ...exclusive(target)];
    case 'xid':
      return ['--type=xid', `--target=${target.xid}`, ...exclusive(target)];
    case 'name':
      return ['--type=name', `--target=${target.name}`];
    case 'backup':
      return ['--type=immediate'];
  }
};

/**
 * Restores a backup into the data directory that the configuration names, or that is added as `--pg1-path`, which must be empty, and has
 * PostgreSQL recover to the target and then go its own way: without `promote` it would wait there for somebody. How it fetches WAL is
 * said here, because the directory may have another name by then, which pgBackRest would put there. It tells how far it is.
 *
 * WAL is fetched one segment at a time. Fetching ahead takes the lock that pushing takes, and recovery beside a cluster that has much to push
 * would wait for it until `archive-timeout`, and fail. The node's program (role postgres_node, restore/recovery.py) puts a way before this one
 * that does fetch ahead, with a lock of its own.
 */
export const restore = ({ stanza, config, target, label, timeline }: Restore): Argv => [
  ...tellProgress,
  'pgbackrest',
  `--config=${config}`,
  `--stanza=${checkStanzaName(stanza)}`,
  `--recovery-option=restore_command=pgbackrest --config=${config} --stanza=${stanza} --no-archive-async archive-get %f "%p"`,
  ...everyFile,
  ...targetOptions(target),
  ...(target.type === 'latest' ? [] : ['--target-action=promote']),
  ...(target.type === 'backup' ? [] : [`--target-timeline=${timeline}`]),
  `--set=${label}`,
  'restore',
];
