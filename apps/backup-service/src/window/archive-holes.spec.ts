import type { ArchiveRun } from '@pgfleet/pgbackrest';
import { segmentName } from '../wal/wal-segment';
import { archiveHoles, settledRuns } from './archive-holes';

const size = 16 * 2 ** 20;
const name = (timeline: number, number: number): string => segmentName(timeline, number * size, size);
const run = (timeline: number, first: number, last: number): ArchiveRun => ({
  first: name(timeline, first),
  last: name(timeline, last),
});
const holes = (...runs: ArchiveRun[]) =>
  archiveHoles(runs, size).map(({ begin, end }) => [begin / size, end / size - 1]);

describe('archiveHoles', () => {
  it.each<[string, ArchiveRun[], number[][]]>([
    ['nothing at all', [], []],
    ['one run', [run(1, 1, 9)], []],
    ['one missing', [run(1, 1, 4), run(1, 6, 9)], [[5, 5]]],
    [
      'two holes',
      [run(1, 1, 2), run(1, 5, 5), run(1, 8, 9)],
      [
        [3, 4],
        [6, 7],
      ],
    ],
    ['a change of the timeline in the middle of a segment', [run(1, 1, 4), run(2, 5, 9)], []],
    ['an old leader that archived what the new one went away from', [run(1, 1, 8), run(2, 5, 9)], []],
    ['an old timeline beyond the newest', [run(1, 1, 20), run(2, 5, 9)], []],
    ['what the old leader had not archived when it died', [run(1, 1, 4), run(2, 7, 9)], [[5, 6]]],
    ['a hole on an older timeline', [run(1, 1, 2), run(1, 4, 6), run(2, 6, 9)], [[3, 3]]],
    ['a hole that another timeline fills', [run(1, 1, 9), run(2, 3, 4), run(3, 5, 7)], []],
    ['a hole over the 4 GiB boundary', [run(1, 250, 254), run(1, 258, 260)], [[255, 257]]],
  ])('of %s', (_, runs, expected) => {
    expect(holes(...runs)).toEqual(expected);
    expect(holes(...[...runs].reverse())).toEqual(expected);
  });

  it('names what is missing, by the timeline that recovery asks for', () => {
    expect(archiveHoles([run(1, 1, 4), run(2, 7, 9)], size)).toEqual([
      { first: name(2, 5), last: name(2, 6), begin: 5 * size, end: 7 * size },
    ]);
  });
});

describe('settledRuns', () => {
  it('cuts off what may be on its way', () => {
    const runs = [run(1, 1, 4), run(1, 6, 9), run(2, 10, 12)];
    expect(settledRuns(runs, 8 * size, size)).toEqual([run(1, 1, 4), run(1, 6, 7)]);
    expect(settledRuns(runs, 8 * size + 1, size)).toEqual([run(1, 1, 4), run(1, 6, 8)]);
    expect(settledRuns(runs, 6 * size, size)).toEqual([run(1, 1, 4)]);
    expect(settledRuns(runs, 13 * size, size)).toEqual(runs);
    expect(settledRuns(runs, size, size)).toEqual([]);
  });
});
