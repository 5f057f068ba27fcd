import type { ArchivedCommit, RecoverySpan } from '../window/recovery-span';
import { momentAt, randomMoment } from './moment-to-prove';

const second = 1_000_000;
const commit = (at: number, timeline = 1): ArchivedCommit => ({
  ...{ timeline, position: at * 100, time: at * second, xid: 700 + at },
});
const span = (commits: ArchivedCommit[], more: Partial<RecoverySpan> = {}): RecoverySpan => ({
  timeline: 1,
  earliest: { timeline: 1, position: 0, time: 0 },
  latest: commits.at(-1) ?? null,
  gaps: [],
  bases: [],
  commits,
  ...more,
});

describe('randomMoment', () => {
  it('is between two known commits, and knows which is there then', () => {
    const seen = span([commit(10), commit(40), commit(100)]);
    expect(randomMoment(seen, 0)).toEqual({
      time: 11 * second,
      transactions: { present: [710], absent: [740] },
    });
    // 29 s between the first two, 59 s between the others.
    expect(randomMoment(seen, 29 / 88)).toEqual({
      time: 41 * second,
      transactions: { present: [740], absent: [800] },
    });
    for (let n = 0; n < 100; n++) {
      const { time, transactions } = randomMoment(seen, n / 100)!;
      expect(time).toBeGreaterThan((transactions.present[0]! - 700) * second);
      expect(time).toBeLessThan((transactions.absent[0]! - 700) * second);
    }
  });

  it('is none of a window with one commit, or with none that are apart', () => {
    expect(randomMoment(span([]), 0.5)).toBeNull();
    expect(randomMoment(span([commit(10)]), 0.5)).toBeNull();
    expect(randomMoment(span([commit(10), commit(11)]), 0.5)).toBeNull();
  });

  it('is on neither side of a change of the timeline, in no gap, and not before the oldest backup', () => {
    expect(randomMoment(span([commit(10), commit(40, 2)]), 0.5)).toBeNull();
    const hole = { first: '', last: '', begin: 1500, end: 3000 };
    expect(
      randomMoment(span([commit(10), commit(40)], { gaps: [{ hole, from: null, until: null }] }), 0.5),
    ).toBeNull();
    const earliest = { timeline: 1, position: 2000, time: 20 * second };
    expect(randomMoment(span([commit(10), commit(40)], { earliest }), 0.5)).toBeNull();
  });
});

describe('momentAt', () => {
  it('keeps the moment, and asks for what is known around it', () => {
    const seen = span([commit(10), commit(40)]);
    expect(momentAt(seen, 20 * second).transactions).toEqual({ present: [710], absent: [740] });
    expect(momentAt(seen, 10 * second + 1)).toEqual({
      time: 10 * second + 1,
      transactions: { present: [], absent: [] },
    });
  });
});
