/** A time without an acknowledgement; milliseconds since the epoch. */
export interface Gap {
  readonly ms: number;
  readonly from: number;
  readonly to: number;
  /** False when no acknowledgement has ended it: the writes have not gone on. */
  readonly over: boolean;
}

/**
 * The times between consecutive acknowledgements. The one before the first of them counts, and so does the one after the last: writes
 * that never go on are the longest gap of all.
 */
export const gapsBetween = (acknowledgedAt: readonly number[], begun: number, ended: number): Gap[] => {
  const gaps = acknowledgedAt.map((to, index) => gap(acknowledgedAt[index - 1] ?? begun, to, true));
  const last = acknowledgedAt.at(-1) ?? begun;
  return last < ended ? [...gaps, gap(last, ended, false)] : gaps;
};

/** The longest of the gaps that reach into the time between `from` and `to`, whole. */
export const longestGap = (gaps: readonly Gap[], { from = -Infinity, to = Infinity } = {}): Gap =>
  gaps
    .filter((each) => each.to > from && each.from < to)
    .reduce((longest, each) => (each.ms > longest.ms ? each : longest), gap(0, 0, true));

/** The gap that an instant is in. */
export const gapAround = (gaps: readonly Gap[], instant: number): Gap =>
  gaps.find(({ from, to }) => from <= instant && instant < to) ?? gap(instant, instant, true);

const gap = (from: number, to: number, over: boolean): Gap => ({ ms: to - from, from, to, over });
