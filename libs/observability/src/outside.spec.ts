import { register } from 'prom-client';
import { Outside, OutsideUnavailable } from './outside';

const failing = () => Promise.reject(new Error('refused'));
const failTimes = async (outside: Outside, times: number) => {
  for (let i = 0; i < times; i += 1) await outside.call('read', failing).catch(() => undefined);
};
const count = async (target: string, outcome: string): Promise<number> => {
  const metric = await register.getSingleMetric('pgfleet_outside_seconds')?.get();
  const named = metric?.values as { metricName?: string; value: number; labels: Record<string, string> }[];
  return (
    named.find(
      ({ metricName, labels }) =>
        metricName?.endsWith('_count') && labels.target === target && labels.outcome === outcome,
    )?.value ?? 0
  );
};

describe('Outside', () => {
  it('gives the answer, and counts it', async () => {
    const outside = new Outside('a', { timeoutMs: 100 });
    await expect(outside.call('read', () => Promise.resolve(7))).resolves.toBe(7);
    expect(await count('a', 'ok')).toBe(1);
  });

  it('aborts and rejects when time is over, also for work that ignores its signal', async () => {
    const outside = new Outside('b', { timeoutMs: 20 });
    let signal: AbortSignal | undefined;
    const call = outside.call('read', (given) => {
      signal = given;
      return new Promise(() => undefined);
    });
    await expect(call).rejects.toMatchObject({ name: 'OutsideUnavailable', target: 'b', reason: 'timeout' });
    expect(signal?.aborted).toBe(true);
    expect(await count('b', 'timeout')).toBe(1);
  });

  it('passes on what the work throws, as it is', async () => {
    await expect(new Outside('c', { timeoutMs: 100 }).call('read', failing)).rejects.toThrow('refused');
  });

  it('opens after failures, refuses without calling, and closes when a trial succeeds', async () => {
    const outside = new Outside('d', { timeoutMs: 100, resetTimeoutMs: 50 });
    await failTimes(outside, 5);
    const work = jest.fn(() => Promise.resolve(1));
    await expect(outside.call('read', work)).rejects.toBeInstanceOf(OutsideUnavailable);
    expect(work).not.toHaveBeenCalled();
    expect(await count('d', 'rejected')).toBe(1);

    await new Promise((resolve) => setTimeout(resolve, 80));
    await expect(outside.call('read', work)).resolves.toBe(1);
    await expect(outside.call('read', work)).resolves.toBe(1);
  });

  it('does not open on errors that are no faults', async () => {
    const outside = new Outside('e', { timeoutMs: 100, isFault: () => false });
    await failTimes(outside, 10);
    await expect(outside.call('read', () => Promise.resolve(1))).resolves.toBe(1);
  });
});
