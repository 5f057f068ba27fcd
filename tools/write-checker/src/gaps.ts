/** A period without an acknowledgement; milliseconds since the epoch. */
export interface Gap {
  readonly ms: number;
  readonly from: number;
  readonly to: number;
  /** False when no acknowledgement has ended the gap: writes have not resumed. */
  readonly over: boolean;
}

/**
 * The times between consecutive acknowledgements. The time before the first one counts, and so does the time after the last:
 * writes that never resume are the longest gap of all.
 */
export const gapsBetween = (acknowledgedAt: readonly number[], begun: number, ended: number): Gap[] => {
  const gaps = acknowledgedAt.map((to, index) => gap(acknowledgedAt[index - 1] ?? begun, to, true));
  const last = acknowledgedAt.at(-1) ?? begun;
  return last < ended ? [...gaps, gap(last, ended, false)] : gaps;
};

/** The longest gap that overlaps the time between `from` and `to`, in its full length. */
export const longestGap = (gaps: readonly Gap[], { from = -Infinity, to = Infinity } = {}): Gap =>
  gaps
    .filter((each) => each.to > from && each.from < to)
    .reduce((longest, each) => (each.ms > longest.ms ? each : longest), gap(0, 0, true));

/** The gap that contains an instant. */
export const gapAround = (gaps: readonly Gap[], instant: number): Gap =>
  gaps.find(({ from, to }) => from <= instant && instant < to) ?? gap(instant, instant, true);

const gap = (from: number, to: number, over: boolean): Gap => ({ ms: to - from, from, to, over });
