/** A place in the WAL: positions say nothing without the timeline that they are on. */
export interface Place {
  timeline: number;
  position: number;
}

/** Where a timeline left the one before it. The first has none. */
export interface TimelineBegin {
  timeline: number;
  position: number;
}

/**
 * The timeline that a position was written on, which is in a segment of `timeline`: the segment in which a timeline begins has the end of the
 * one before it, too.
 */
export const timelineOf = (position: number, timeline: number, begins: readonly TimelineBegin[]): number => {
  for (let on = timeline; on > 1; on--) {
    const begin = begins.find((candidate) => candidate.timeline === on);
    if (!begin || position >= begin.position) return on;
  }
  return 1;
};

/**
 * Whether the history that leads to timeline `newest` passes through a place: what was written on an older timeline after a later one
 * had left it is not in it, though the store may have it.
 */
export const isOnHistory = (
  { timeline, position }: Place,
  newest: number,
  begins: readonly TimelineBegin[],
): boolean =>
  timeline <= newest &&
  begins.every((begin) => begin.timeline <= timeline || begin.timeline > newest || position < begin.position);
