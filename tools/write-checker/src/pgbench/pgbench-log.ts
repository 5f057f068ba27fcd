/** How long transactions took, in milliseconds. */
export interface Latencies {
  readonly p50: number;
  readonly p99: number;
  readonly worst: number;
}

/**
 * Reads the log of transactions, one per line: client, number, microseconds (or why it failed), script, time. Without
 * transactions all latencies are zero.
 */
export const readLatencies = (log: string): Latencies => {
  const sorted = Float64Array.from(
    log.split('\n').flatMap((line) => {
      const micros = line.split(' ')[2];
      return micros !== undefined && /^\d+$/.test(micros) ? [Number(micros) / 1000] : [];
    }),
  ).sort();
  return { p50: atShare(sorted, 0.5), p99: atShare(sorted, 0.99), worst: sorted.at(-1) ?? 0 };
};

/** The lowest latency that this share of the transactions did not exceed. */
const atShare = (sorted: Float64Array, share: number): number =>
  sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0;
