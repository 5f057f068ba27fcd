import { bytesPerSecond, type RateSample, withSample } from './wal-rate';

const sample = (seconds: number, position: number, timeline = 1): RateSample => ({
  at: seconds * 1000,
  position,
  timeline,
});
const after = (...samples: RateSample[]): RateSample[] => samples.reduce<RateSample[]>(withSample, []);

describe('bytesPerSecond', () => {
  it.each([
    ['nothing', [], null],
    ['one moment', [sample(0, 5)], null],
    ['two', [sample(0, 1000), sample(10, 3000)], 200],
    ['a history that was left by a failover', [sample(0, 1000), sample(10, 500, 2)], 0],
    ['a timeline more', [sample(0, 1000), sample(10, 2000, 2)], 100],
  ])('of %s', (_, samples, rate) => {
    expect(bytesPerSecond(after(...samples))).toBe(rate);
  });

  it('forgets what is older than five minutes, and does not grow', () => {
    const samples = after(
      ...Array.from({ length: 1000 }, (_, index) => sample(index, index < 600 ? 0 : (index - 600) * 100)),
    );
    expect(samples.length).toBeLessThan(35);
    expect(bytesPerSecond(samples)).toBeCloseTo(100, 0);
  });
});
