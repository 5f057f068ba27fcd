import { fullsToKeep } from './retention';

const now = new Date('2026-11-30T12:00:00Z');
const aged = (days: number, type: 'full' | 'diff' | 'incr' = 'full', failed = false) => ({
  type,
  failed,
  stoppedAt: new Date(now.getTime() - days * 24 * 3600_000).toISOString(),
});
const keep = (fulls: number, days: number, ...ages: (number | ReturnType<typeof aged>)[]): number =>
  fullsToKeep(
    ages.map((age) => (typeof age === 'number' ? aged(age) : age)),
    { fulls, days },
    now,
  );

describe('fullsToKeep', () => {
  it.each<[string, number, number]>([
    ['nothing there yet', keep(2, 14), 1],
    ['by count where the days ask for less', keep(3, 0, 1, 2, 3, 4, 5), 3],
    ['one more than is within the days: it carries the first of them', keep(1, 14, 1, 8, 15, 22), 3],
    ['one that is exactly as old carries', keep(1, 14, 1, 14, 20), 2],
    ['a moment younger does not', keep(1, 14, 1, 13.9999, 20), 3],
    ['all, while none is old enough', keep(2, 14, 1, 8), 2],
    ['all, while there are fewer than are wanted', keep(5, 0, 1, 8), 2],
    ['no day: the newest alone carries', keep(1, 0, 1, 8), 1],
    ['the order of the list does not matter', keep(1, 14, 22, 1, 15, 8), 3],
    ['others do not count', keep(2, 0, 1, aged(2, 'incr'), aged(3, 'diff'), 8, 15), 2],
    ['a failed one carries nothing', keep(1, 14, 1, aged(15, 'full', true), 22, 29), 3],
    ['a failed one is none of the count', keep(2, 0, aged(1, 'full', true), 2, 3, 4), 3],
  ])('%s', (_, kept, expected) => {
    expect(kept).toBe(expected);
  });
});
