import type { Backup, BackupPolicy } from '@pgfleet/contracts';

const dayMs = 24 * 3600_000;

/**
 * How many full backups, counted from the newest, are to be kept: at least `fulls`, and as many as it takes to restore to any moment of
 * the last `days`. For the first of those moments one is needed that ended before it. With a full backup go the ones that build on
 * it, and the WAL before the oldest that stays.
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
  // One that pgBackRest found an error in carries nothing: it is passed over, and so needs another behind it.
  const carrier = newestFirst.findIndex(({ stoppedAt, failed }) => !failed && Date.parse(stoppedAt) <= since);
  const sound = newestFirst.map(({ failed }, index) => (failed ? -1 : index)).filter((index) => index >= 0);
  const byCount = sound[fulls - 1] ?? newestFirst.length - 1;
  const byDays = carrier === -1 ? newestFirst.length - 1 : carrier;
  return Math.max(1, byCount + 1, byDays + 1);
};
