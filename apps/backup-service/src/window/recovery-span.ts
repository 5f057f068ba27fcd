import type { ArchiveHole } from './archive-holes';
import { isOnHistory, type Place, type TimelineBegin } from './history';

/** A place in the WAL and when it was written, in microseconds. */
export interface Moment extends Place {
  time: number;
}

/** A commit that the store has. */
export interface ArchivedCommit extends Moment {
  xid: number | null;
  /** Until when nothing is known to have been committed after it, in microseconds; null where that was not seen. */
  quietUntil?: number | null;
}

/** A backup that can be restored. */
export interface Base {
  label: string;
  /** Where its WAL begins; recovery needs all from here to `stop`. */
  begin: number;
  /** When it was whole. pgBackRest keeps whole seconds: `time` is the first that it certainly was. */
  stop: Moment;
}

/** What the store has of a lineage, as far as it is known. */
export interface ArchivedHistory {
  /** In any order. */
  bases: readonly Base[];
  /** In any order; not every commit is known, but of each timeline the last one is that the store has. */
  commits: readonly ArchivedCommit[];
  timelines: readonly TimelineBegin[];
  holes: readonly ArchiveHole[];
}

export interface Gap {
  from: Moment | null;
  until: Moment | null;
  hole: ArchiveHole;
}

/** Between which moments can be restored to any; null where nothing can. Everything in it is on the way to `timeline`. */
export interface RecoverySpan {
  timeline: number | null;
  earliest: Moment | null;
  latest: Moment | null;
  gaps: Gap[];
  /** Oldest first. */
  bases: Base[];
  /** Oldest first, with what is beyond `latest`. */
  commits: ArchivedCommit[];
}

const byPosition = (a: Place, b: Place): number => a.position - b.position;

/** Until when nothing followed the commit at a moment. */
export const quietUntil = ({ commits }: Pick<RecoverySpan, 'commits'>, { position, time }: Moment): number =>
  commits.find((commit) => commit.position === position)?.quietUntil ?? time;

/** The timelines that the store is known to have anything of, oldest first. */
export const knownTimelines = ({
  bases,
  commits,
  timelines,
}: Pick<ArchivedHistory, 'bases' | 'commits' | 'timelines'>): number[] => {
  const known = [...commits, ...timelines, ...bases.map(({ stop }) => stop)].map(({ timeline }) => timeline);
  return [...new Set(known)].sort((a, b) => a - b);
};

/**
 * The window is from the end of the oldest backup to the last commit in the store. A hole in the WAL makes a gap: from the last
 * commit before it to the end of the first backup that was begun after it, which needs nothing from before. Where there is no such backup yet
 * the window ends at the hole, whatever was archived since. It is that of the newest timeline, unless another is said.
 */
export const recoverySpan = (
  history: ArchivedHistory,
  timeline: number | null = knownTimelines(history).at(-1) ?? null,
): RecoverySpan => {
  if (timeline === null) return { timeline, earliest: null, latest: null, gaps: [], bases: [], commits: [] };
  const onHistory = (place: Place): boolean => isOnHistory(place, timeline, history.timelines);
  const commits = history.commits.filter(onHistory).sort(byPosition);
  const bases = history.bases
    .filter(
      ({ begin, stop }) =>
        onHistory(stop) && !history.holes.some((hole) => hole.begin < stop.position && hole.end > begin),
    )
    .sort((a, b) => byPosition(a.stop, b.stop));
  const earliest = bases[0]?.stop ?? null;
  if (!earliest) return { timeline, earliest, latest: null, gaps: [], bases, commits };
  /** A commit, for that is what recovery to a time needs; the end of a backup only where none is known since `floor`. */
  const lastBefore = (position: number, floor: Moment): Moment | null =>
    commits.findLast((commit) => commit.position < position && commit.position >= floor.position) ??
    bases.findLast(({ stop }) => stop.position <= position && stop.position >= floor.position)?.stop ??
    null;
  const gaps: Gap[] = [];
  let floor: Moment | null = earliest;
  for (const hole of [...history.holes].sort((a, b) => a.begin - b.begin)) {
    // What a gap that is known has swallowed is none of its own.
    if (!floor || hole.end <= floor.position) continue;
    const until: Moment | null = bases.find(({ begin }) => begin >= hole.end)?.stop ?? null;
    gaps.push({ hole, from: lastBefore(hole.begin, floor), until });
    floor = until;
  }
  const latest = floor ? lastBefore(Infinity, floor) : (gaps.at(-1)?.from ?? null);
  return { timeline, earliest, latest, gaps, bases, commits };
};
