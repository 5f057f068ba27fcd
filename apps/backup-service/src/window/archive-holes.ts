import type { ArchiveRun } from '@pgfleet/pgbackrest';
import { segmentName, segmentOf, type Segment } from '../wal/wal-segment';

/** Segments missing between others in the repository; positions are bytes, end excluded. */
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
 * What is missing in the history of the newest known timeline. A timeline continues from its predecessor in the segment that
 * contains its first position. A history without holes thus covers every position from its oldest segment to its newest, each by
 * the timeline that was newest there. Abandoned timelines are not checked.
 *
 * A hole exactly at a change of timeline does not show when the old timeline has that segment too.
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
      // The timeline of a missing segment is unknown; recovery asks for the timeline of the next segment that exists.
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

/** The runs up to a position. Beyond it nothing is settled: segments are pushed in parallel, and a later one may arrive first. */
export const settledRuns = (runs: readonly ArchiveRun[], until: number, segmentBytes: number): ArchiveRun[] =>
  runs.flatMap((run) => {
    const { timeline, begin, end } = spanOf(run, segmentBytes);
    if (begin >= until) return [];
    const last = end <= until ? run.last : segmentName(timeline, until - 1, segmentBytes);
    return [{ first: run.first, last }];
  });
