import type { ArchiveReport, WalDisk } from '@pgfleet/contracts';
import { bytesOf } from '../wal/wal-position';
import { segmentOf } from '../wal/wal-segment';

/** How far the archive was seen to be, and since when. */
export interface ArchiveProgress {
  timeline: number | null;
  segment: string | null;
  advancedAt: Date;
  stalledAt: Date | null;
}

/** Longer than a push takes that has to be tried again, and than a segment lasts in a cluster that nobody uses. */
const stalledAfterMs = 120_000;
/** What the node said longer ago than this says nothing of now. */
const freshMs = 60_000;

/** WAL that the leader has written and the archive does not have; null while it is not known where the archive is. */
export const lagBytesOf = ({ segment, segmentBytes, currentLsn }: ArchiveReport): number | null =>
  segment === null ? null : Math.max(0, bytesOf(currentLsn) - segmentOf(segment, segmentBytes).end);

/** Up to when the archive has everything that was committed. */
export const completeUntil = ({ time }: { time: string }, settledAt?: string | null): number =>
  Math.max(Date.parse(time), settledAt ? Date.parse(settledAt) : 0);

/**
 * What a leader's report makes of the progress. The archive stalls when it has not advanced for two minutes though there is something to
 * archive: a segment at which the archiver fails, or a whole one that it has not begun with.
 */
export const archiveProgress = (
  before: ArchiveProgress | null,
  report: ArchiveReport,
  now: Date,
): ArchiveProgress => {
  const { timeline, segment, segmentBytes, failing } = report;
  if (!before || before.timeline !== timeline || before.segment !== segment)
    return { timeline, segment, advancedAt: now, stalledAt: keepsFailing(before, report) };
  if (now.getTime() - Date.parse(report.at) > freshMs) return before;
  const lagBytes = lagBytesOf(report);
  const waits = failing !== null || (lagBytes !== null && lagBytes >= segmentBytes);
  const isLate = now.getTime() - before.advancedAt.getTime() > stalledAfterMs;
  return { ...before, stalledAt: before.stalledAt ?? (waits && isLate ? now : null) };
};

/** Another leader that fails at once as the one before it did has recovered nothing. */
const keepsFailing = (before: ArchiveProgress | null, { segment, failing }: ArchiveReport): Date | null =>
  before?.stalledAt && segment === null && failing ? before.stalledAt : null;

const fillingPercent = 80;
/** Lower than that it began with, so that a disk at the mark is not told of again and again. */
const drainedPercent = 75;

export const usedPercent = ({ bytes, free }: WalDisk): number => Math.round((1 - free / bytes) * 1000) / 10;

/** Whether a disk counts as filling up now, having done so before or not. */
export const isFilling = (disk: WalDisk, before: boolean): boolean =>
  usedPercent(disk) >= (before ? drainedPercent : fillingPercent);
