import type { Backup, BackupPolicy } from '@pgfleet/contracts';

const dayMs = 24 * 3600_000;

/**
 * How many full backups to keep, counted from the newest: at least `fulls`, and enough to restore to any moment of the last
 * `days`. The first of those moments needs a backup that ended before it. When a full backup is removed, the backups that build
 * on it and the WAL before the oldest remaining backup go too.
 */
export const fullsToKeep = (
  backups: readonly Pick<Backup, 'type' | 'stoppedAt' | 'failed'>[],
  { fulls, days }: Pick<BackupPolicy['retention'], 'fulls' | 'days'>,
  now: Date,
): number => {
  const since = now.getTime() - days * dayMs;
  const newestFirst = backups
    .filter(({ type }) => type === 'full')
    .sort((a, b) => Date.parse(b.stoppedAt) - Date.parse(a.stoppedAt));
  // A backup in which pgBackRest found an error does not count: another one behind it is needed.
  const carrier = newestFirst.findIndex(({ stoppedAt, failed }) => !failed && Date.parse(stoppedAt) <= since);
  const sound = newestFirst.map(({ failed }, index) => (failed ? -1 : index)).filter((index) => index >= 0);
  const byCount = sound[fulls - 1] ?? newestFirst.length - 1;
  const byDays = carrier === -1 ? newestFirst.length - 1 : carrier;
  return Math.max(1, byCount + 1, byDays + 1);
};
