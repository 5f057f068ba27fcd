import type { ArchiveRun } from '@pgfleet/pgbackrest';
import { segmentName, segmentOf, type Segment } from '../wal/wal-segment';

/** Segments that the store lacks between others that it has; positions are bytes, the end not included. */
export interface ArchiveHole {
  first: string;
  last: string;
  begin: number;
  end: number;
}

const spanOf = ({ first, last }: ArchiveRun, segmentBytes: number): Segment => ({
  ...segmentOf(first, segmentBytes),
  end: segmentOf(last, segmentBytes).end,
});

/**
 * What is missing on the way to the newest timeline that the store knows. A timeline goes on from the one before it in the segment
 * that has its first position, so a history without holes covers every position from its oldest segment to its newest: each
 * from the timeline that was the newest there. Nothing is said of timelines that were left.
 *
 * A hole exactly at a change of the timeline does not show when the old timeline has that segment too.
 */
export const archiveHoles = (runs: readonly ArchiveRun[], segmentBytes: number): ArchiveHole[] => {
  const newestFirst = runs
    .map((run) => spanOf(run, segmentBytes))
    .sort((a, b) => b.timeline - a.timeline || b.begin - a.begin);
  const holes: ArchiveHole[] = [];
  let covered: Segment | undefined;
  for (const span of newestFirst) {
    if (covered && span.begin >= covered.begin) continue;
    if (covered && span.end < covered.begin) {
      // Of a missing segment nobody can say the timeline; that of the next one that is there is the one that recovery asks for.
      const { timeline, begin: end } = covered;
      const [first, last] = [span.end, end - segmentBytes].map((position) =>
        segmentName(timeline, position, segmentBytes),
      );
      holes.unshift({ first: first!, last: last!, begin: span.end, end });
    }
    covered = span;
  }
  return holes;
};

/**
 * The runs up to a position. Beyond it nothing is settled: segments are pushed side by side, and of two the later may be there first.
 */
export const settledRuns = (runs: readonly ArchiveRun[], until: number, segmentBytes: number): ArchiveRun[] =>
  runs.flatMap((run) => {
    const { timeline, begin, end } = spanOf(run, segmentBytes);
    if (begin >= until) return [];
    const last = end <= until ? run.last : segmentName(timeline, until - 1, segmentBytes);
    return [{ first: run.first, last }];
  });
