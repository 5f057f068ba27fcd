/** A place in the WAL: a position means nothing without its timeline. */
export interface Place {
  timeline: number;
  position: number;
}

/** Where a timeline left the one before it. The first timeline has none. */
export interface TimelineBegin {
  timeline: number;
  position: number;
}

/**
 * The timeline on which a position in a segment of `timeline` was written. The segment in which a timeline begins also holds the
 * end of the one before it.
 */
export const timelineOf = (position: number, timeline: number, begins: readonly TimelineBegin[]): number => {
  for (let on = timeline; on > 1; on--) {
    const begin = begins.find((candidate) => candidate.timeline === on);
    if (!begin || position >= begin.position) return on;
  }
  return 1;
};

/**
 * Whether the history of timeline `newest` contains a place. It does not contain what an older timeline wrote after a later one
 * had left it, though the repository may have that.
 */
export const isOnHistory = (
  { timeline, position }: Place,
  newest: number,
  begins: readonly TimelineBegin[],
): boolean =>
  timeline <= newest &&
  begins.every((begin) => begin.timeline <= timeline || begin.timeline > newest || position < begin.position);
