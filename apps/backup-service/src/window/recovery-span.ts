import type { ArchiveHole } from './archive-holes';
import { isOnHistory, type Place, type TimelineBegin } from './history';

/** A place in the WAL and when it was written, in microseconds. */
export interface Moment extends Place {
  time: number;
}

/** A commit in the repository. */
export interface ArchivedCommit extends Moment {
  xid: number | null;
  /** Until when no further commit is known to have followed, in microseconds; null where that was not observed. */
  quietUntil?: number | null;
}

/** A backup that can be restored. */
export interface Base {
  label: string;
  /** Where its WAL begins; recovery needs everything from here to `stop`. */
  begin: number;
  /** When it was complete. pgBackRest records whole seconds: `time` is the first moment at which it certainly was. */
  stop: Moment;
}

/** What the repository has of a lineage, as far as is known. */
export interface ArchivedHistory {
  /** In any order. */
  bases: readonly Base[];
  /** In any order. Not every commit is known, but the last one archived on each timeline is. */
  commits: readonly ArchivedCommit[];
  timelines: readonly TimelineBegin[];
  holes: readonly ArchiveHole[];
}

export interface Gap {
  from: Moment | null;
  until: Moment | null;
  hole: ArchiveHole;
}

/** The span within which any moment can be restored; null where none can. Everything in it is in the history of `timeline`. */
export interface RecoverySpan {
  timeline: number | null;
  earliest: Moment | null;
  latest: Moment | null;
  gaps: Gap[];
  /** Oldest first. */
  bases: Base[];
  /** Oldest first, including commits beyond `latest`. */
  commits: ArchivedCommit[];
}

const byPosition = (a: Place, b: Place): number => a.position - b.position;

/** Until when nothing followed the commit at a moment. */
export const quietUntil = ({ commits }: Pick<RecoverySpan, 'commits'>, { position, time }: Moment): number =>
  commits.find((commit) => commit.position === position)?.quietUntil ?? time;

/** The timelines that the repository is known to have anything of, oldest first. */
export const knownTimelines = ({
  bases,
  commits,
  timelines,
}: Pick<ArchivedHistory, 'bases' | 'commits' | 'timelines'>): number[] => {
  const known = [...commits, ...timelines, ...bases.map(({ stop }) => stop)].map(({ timeline }) => timeline);
  return [...new Set(known)].sort((a, b) => a - b);
};

/**
 * The window extends from the end of the oldest backup to the last archived commit. A hole in the WAL makes a gap. The gap
 * extends from the last commit before the hole to the end of the first backup that started after it, which needs nothing from
 * before. Without such a backup the window ends at the hole, whatever was archived since. The window is that of the newest
 * timeline, unless the caller names another.
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
  /** Prefers a commit, because recovery to a time needs one; the end of a backup serves only when no commit is known since `floor`. */
  const lastBefore = (position: number, floor: Moment): Moment | null =>
    commits.findLast((commit) => commit.position < position && commit.position >= floor.position) ??
    bases.findLast(({ stop }) => stop.position <= position && stop.position >= floor.position)?.stop ??
    null;
  const gaps: Gap[] = [];
  let floor: Moment | null = earliest;
  for (const hole of [...history.holes].sort((a, b) => a.begin - b.begin)) {
    // A hole inside a known gap is not a gap of its own.
    if (!floor || hole.end <= floor.position) continue;
    const until: Moment | null = bases.find(({ begin }) => begin >= hole.end)?.stop ?? null;
    gaps.push({ hole, from: lastBefore(hole.begin, floor), until });
    floor = until;
  }
  const latest = floor ? lastBefore(Infinity, floor) : (gaps.at(-1)?.from ?? null);
  return { timeline, earliest, latest, gaps, bases, commits };
};
