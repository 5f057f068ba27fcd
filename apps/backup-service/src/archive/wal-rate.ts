/** Where the leader was, and when (ms since 1970). */
export interface RateSample {
  timeline: number;
  position: number;
  at: number;
}

/** The rate is that of the last five minutes; of samples that come closer than ten seconds the first is kept. */
const windowMs = 300_000;
const apartMs = 10_000;

export const withSample = (samples: readonly RateSample[], sample: RateSample): RateSample[] => {
  const newest = samples.at(-1);
  if (newest && newest.timeline === sample.timeline && sample.at - newest.at < apartMs) return [...samples];
  // The last one that is older than the window is where its first moment is measured from.
  const older = samples.filter(({ at }) => at < sample.at - windowMs).slice(-1);
  return [...older, ...samples.filter(({ at }) => at >= sample.at - windowMs), sample];
};

/** Bytes of WAL a second; null until two moments were seen. A change of the timeline is no break: positions go on. */
export const bytesPerSecond = (samples: readonly RateSample[]): number | null => {
  const [first, last] = [samples[0], samples.at(-1)];
  if (!first || !last || last.at <= first.at) return null;
  return Math.max(0, ((last.position - first.position) / (last.at - first.at)) * 1000);
};
