const started = Date.now();

/** Seconds since this program started, padded for a column. */
const clock = (): string => `${((Date.now() - started) / 1000).toFixed(1).padStart(6)} s`;

/** Progress of long work goes to standard error, so that standard output contains only results. */
export const say = (text: string): void => void process.stderr.write(`${clock()}  ${text}\n`);

/** Runs a piece of work and prints how long it took. */
export async function timed<T>(what: string, work: () => Promise<T>): Promise<T> {
  const begun = Date.now();
  say(`${what} …`);
  const result = await work();
  say(`${what}: ${((Date.now() - begun) / 1000).toFixed(1)} s`);
  return result;
}
