import type { ArchiveReport, WalDisk } from '@pgfleet/contracts';
import { bytesOf } from '../wal/wal-position';
import { segmentOf } from '../wal/wal-segment';

/** How far the archive had advanced when last seen, and since when it has been there. */
export interface ArchiveProgress {
  timeline: number | null;
  segment: string | null;
  advancedAt: Date;
  stalledAt: Date | null;
}

/** Longer than a push that has to be retried, and longer than a segment lasts in an idle cluster. */
const stalledAfterMs = 120_000;
/** A node's report older than this says nothing about the present. */
const freshMs = 60_000;

/** Bytes of WAL that the leader has written but not archived; null while the position of the archive is unknown. */
export const lagBytesOf = ({ segment, segmentBytes, currentLsn }: ArchiveReport): number | null =>
  segment === null ? null : Math.max(0, bytesOf(currentLsn) - segmentOf(segment, segmentBytes).end);

/** The time up to which the archive has every commit. */
export const completeUntil = ({ time }: { time: string }, settledAt?: string | null): number =>
  Math.max(Date.parse(time), settledAt ? Date.parse(settledAt) : 0);

/**
 * Derives the progress from a leader's report. The archive stalls when it has not advanced for two minutes although something
 * waits to be archived. That is a segment that the archiver fails on, or a complete segment that it has not started.
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

/** A new leader that fails at once, as the previous leader did, has not recovered anything. */
const keepsFailing = (before: ArchiveProgress | null, { segment, failing }: ArchiveReport): Date | null =>
  before?.stalledAt && segment === null && failing ? before.stalledAt : null;

const fillingPercent = 80;
/** Lower than the mark that starts the alarm, so that a disk near the mark is not reported again and again. */
const drainedPercent = 75;

export const usedPercent = ({ bytes, free }: WalDisk): number => Math.round((1 - free / bytes) * 1000) / 10;

/** Reports whether a disk counts as filling up now, given whether it did before. */
export const isFilling = (disk: WalDisk, before: boolean): boolean =>
  usedPercent(disk) >= (before ? drainedPercent : fillingPercent);
