import { backoffMs } from './backoff';

describe('backoffMs', () => {
  it('doubles from the base and stops at the cap', () => {
    for (const [attempt, plain] of [
      [1, 200],
      [2, 400],
      [5, 3_200],
      [20, 30_000],
    ] as const) {
      const delay = backoffMs(attempt);
      expect(delay).toBeGreaterThanOrEqual(plain * 0.9);
      expect(delay).toBeLessThanOrEqual(plain * 1.1);
    }
  });

  it('spreads, so that many do not come at once', () => {
    expect(new Set(Array.from({ length: 50 }, () => backoffMs(8))).size).toBeGreaterThan(10);
  });
});
