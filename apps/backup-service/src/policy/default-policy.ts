import type { BackupPolicy } from '@pgfleet/contracts';

/** What is kept of a policy: the rest of what the API shows follows from it. */
export type StoredPolicy = Omit<BackupPolicy, 'clusterId' | 'next'>;

/**
 * Of a new cluster. A restore replays at most an hour of WAL on top of at most three backups; and what is kept of last week is still
 * there when somebody comes back from a fortnight's leave. What a restore has left, or a deletion, can be returned to for a month.
 */
export const defaultPolicy: StoredPolicy = {
  schedules: { full: '0 1 * * 0', differential: '0 1 * * 1-6', incremental: '0 * * * *' },
  timeZone: 'UTC',
  spreadMinutes: 30,
  from: 'replica',
  drills: '0 4 * * 6',
  retention: { fulls: 2, days: 14, leftDays: 30 },
};
