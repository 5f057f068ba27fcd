import { createHash } from 'node:crypto';
import type { BackupKind } from '@pgfleet/contracts';
import { Cron } from 'croner';
import type { StoredPolicy } from './default-policy';

export interface DueBackup {
  type: BackupKind;
  at: Date;
}

/** Largest first: of kinds due at the same time, only the first is backed up. */
export const kinds: readonly BackupKind[] = ['full', 'differential', 'incremental'];
type Timing = Pick<StoredPolicy, 'schedules' | 'timeZone' | 'spreadMinutes'>;

/** The count stops at this number: a service that was down for a year starts one backup. */
const mostCounted = 1000;

/**
 * How much later than scheduled a cluster's backups start. All of a cluster's backups share the offset, so that those due
 * together stay together. It never changes, so that they stay as far apart as the schedule says.
 */
export const offsetMs = (clusterId: string, spreadMinutes: number): number => {
  const seconds = spreadMinutes * 60;
  return seconds === 0
    ? 0
    : (createHash('sha256').update(clusterId).digest().readUInt32BE(0) % seconds) * 1000;
};

/** @throws TypeError or RangeError for an invalid schedule or time zone */
const cronOf = (pattern: string, timezone: string): Cron =>
  new Cron(pattern, { timezone, paused: true, mode: '5-part' });

const nextOf = (
  pattern: string | null,
  { timeZone, spreadMinutes }: Timing,
  clusterId: string,
  after: Date,
): Date | null => {
  if (pattern === null) return null;
  const offset = offsetMs(clusterId, spreadMinutes);
  const time = cronOf(pattern, timeZone).nextRun(new Date(after.getTime() - offset));
  return time && new Date(time.getTime() + offset);
};

/** When the next drill after a moment is due; null: never. */
export const nextDrill = (
  policy: Timing & Pick<StoredPolicy, 'drills'>,
  clusterId: string,
  after: Date,
): Date | null => nextOf(policy.drills, policy, clusterId, after);

/** The first backup that is due after a moment. */
export const nextDue = (policy: Timing, clusterId: string, after: Date): DueBackup | null => {
  let first: DueBackup | null = null;
  for (const type of kinds) {
    const at = nextOf(policy.schedules[type], policy, clusterId, after);
    if (at && (!first || at < first.at)) first = { type, at };
  }
  return first;
};

/** What came due between two moments: the largest kind, since when, and how many times. */
export const dueUntil = (
  policy: Timing,
  clusterId: string,
  after: Date,
  until: Date,
): { type: BackupKind; first: Date; last: Date; times: number } | null => {
  const first = nextDue(policy, clusterId, after);
  if (!first || first.at > until) return null;
  let [last, times] = [first.at, 0];
  for (let due: DueBackup | null = first; due && due.at <= until && times < mostCounted; times++) {
    last = due.at;
    due = nextDue(policy, clusterId, due.at);
  }
  // Computed without the loop above: with very many times the loop stops before it reaches the rarest kind.
  const type = kinds.find((kind) => {
    const at = nextOf(policy.schedules[kind], policy, clusterId, after);
    return at !== null && at <= until;
  })!;
  return { type, first: first.at, last, times };
};

/** Why a schedule is invalid; null when it is valid. */
export const scheduleFault = (pattern: string, timeZone: string): string | null => {
  try {
    return cronOf(pattern, timeZone).nextRun() ? null : `'${pattern}' never comes`;
  } catch (error) {
    return `'${pattern}' means nothing: ${(error as Error).message}`;
  }
};

/** Why a time zone is invalid; null when it is valid. */
export const timeZoneFault = (timeZone: string): string | null => {
  try {
    new Intl.DateTimeFormat('en', { timeZone });
    return null;
  } catch {
    return `'${timeZone}' is no time zone of the IANA database`;
  }
};
