import type { BackupPolicy } from '@pgfleet/contracts';

/** The stored part of a policy: the rest of what the API shows follows from it. */
export type StoredPolicy = Omit<BackupPolicy, 'clusterId' | 'next'>;

/**
 * The policy of a new cluster. A restore replays at most an hour of WAL on top of at most three backups. Last week's data are
 * still there when someone returns from two weeks' leave. Lineages left by a restore or a deletion remain available for a month.
 */
export const defaultPolicy: StoredPolicy = {
  schedules: { full: '0 1 * * 0', differential: '0 1 * * 1-6', incremental: '0 * * * *' },
  timeZone: 'UTC',
  spreadMinutes: 30,
  from: 'replica',
  drills: '0 4 * * 6',
  retention: { fulls: 2, days: 14, leftDays: 30 },
};
