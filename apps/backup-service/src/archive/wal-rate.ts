/** The leader's position, and when it was there (ms since 1970). */
export interface RateSample {
  timeline: number;
  position: number;
  at: number;
}

/** The rate covers the last five minutes. Of samples less than ten seconds apart, only the first is kept. */
const windowMs = 300_000;
const apartMs = 10_000;

export const withSample = (samples: readonly RateSample[], sample: RateSample): RateSample[] => {
  const newest = samples.at(-1);
  if (newest && newest.timeline === sample.timeline && sample.at - newest.at < apartMs) return [...samples];
  // The newest sample older than the window is the point that the window is measured from.
  const older = samples.filter(({ at }) => at < sample.at - windowMs).slice(-1);
  return [...older, ...samples.filter(({ at }) => at >= sample.at - windowMs), sample];
};

/** Bytes of WAL per second; null until there are two samples. A change of timeline does not matter: positions continue. */
export const bytesPerSecond = (samples: readonly RateSample[]): number | null => {
  const [first, last] = [samples[0], samples.at(-1)];
  if (!first || !last || last.at <= first.at) return null;
  return Math.max(0, ((last.position - first.position) / (last.at - first.at)) * 1000);
};
