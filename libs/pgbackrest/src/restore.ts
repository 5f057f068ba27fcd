import { everyFile, type Argv } from './commands';
import { checkStanzaName } from './stanza-name';
import { tellProgress } from './tell-progress';

/** How far PostgreSQL recovers after the restore. `time` is RFC 3339 with an offset. */
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
  /** The backup to start from. */
  label: string;
  timeline: number;
}

const rfc3339 = /^(\d{4}-\d{2}-\d{2})T(\d{2}:\d{2}(?::\d{2})?)(?:\.(\d+))?(Z|[+-]\d{2}:\d{2})$/;
const microseconds = 6;

/**
 * The moment as PostgreSQL and pgBackRest read it, in UTC: `2026-11-23 12:00:00.123456+00`. A Date holds only milliseconds, so
 * the fraction is copied unchanged; digits beyond microseconds are cut off.
 * @throws TypeError for text that is not such a moment
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
 * Restores a backup and has PostgreSQL recover to the target and then promote: without `promote` it would pause there until
 * someone resumes it. The data directory, which the configuration or an added `--pg1-path` names, must be empty. The command sets
 * how PostgreSQL fetches WAL, because pgBackRest would write the directory's path, and the directory may have another name by
 * then. It reports progress.
 *
 * PostgreSQL fetches WAL one segment at a time. Prefetching takes the same lock as pushing. Next to a cluster with much to push,
 * recovery would wait for the lock until `archive-timeout`, and fail. The node's program (role postgres_node,
 * restore/recovery.py) puts a command in front of this one that does prefetch, with its own lock.
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
