import { bytesOf, lsnOf } from './wal-position';
import { segmentName, segmentOf } from './wal-segment';

const MB = 2 ** 20;
const seed = Number(process.env.PGFLEET_SPEC_SEED ?? Date.now() % 2 ** 31);
/** mulberry32: the same numbers for the same seed. */
const random = (() => {
  let state = seed;
  return (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
})();

describe('positions in the WAL', () => {
  it.each([
    ['0/0', 0],
    ['0/3000028', 50331688],
    ['1/0', 2 ** 32],
    ['A/FFFFFFFF', 11 * 2 ** 32 - 1],
    ['1FFFFF/FFFFFFFF', 2 ** 53 - 1],
  ])('%s is byte %d', (lsn, position) => {
    expect(bytesOf(lsn)).toBe(position);
    expect(lsnOf(position)).toBe(lsn);
  });

  it('takes small letters, and nothing that is no position', () => {
    expect(bytesOf('a/ff')).toBe(10 * 2 ** 32 + 255);
    for (const text of ['', '0', 'x/0', '0/', 'FFFFFFFF/FFFFFFFF'])
      expect(() => bytesOf(text)).toThrow(TypeError);
  });
});

describe('segments', () => {
  // pg_walfile_name('…') of PostgreSQL 17, with 16 MB, 1 MB and 1 GB segments.
  it.each([
    [1, '0/0', 16, '000000010000000000000000'],
    [1, '0/3000028', 16, '000000010000000000000003'],
    [2, '0/FFFFFFFF', 16, '0000000200000000000000FF'],
    [2, '1/0', 16, '000000020000000100000000'],
    [10, '0/3000028', 1, '0000000A0000000000000030'],
    [1, '0/FFFFFFFF', 1024, '000000010000000000000003'],
    [1, '5/40000000', 1024, '000000010000000500000001'],
  ])('of timeline %d, %s is with %d MB in %s', (timeline, lsn, megabytes, name) => {
    expect(segmentName(timeline, bytesOf(lsn), megabytes * MB)).toBe(name);
    const segment = segmentOf(name, megabytes * MB);
    expect(segment.timeline).toBe(timeline);
    expect(segment.begin).toBeLessThanOrEqual(bytesOf(lsn));
    expect(segment.end).toBeGreaterThan(bytesOf(lsn));
  });

  it('are none of another size, and none without a timeline', () => {
    expect(() => segmentOf('000000010000000000000100', 16 * MB)).toThrow(TypeError);
    expect(() => segmentOf('000000010000000000000004', 1024 * MB)).toThrow(TypeError);
    expect(() => segmentOf('000000000000000000000001', 16 * MB)).toThrow(TypeError);
    for (const text of ['', '00000002.history', '000000010000000000000003.partial'])
      expect(() => segmentOf(text, 16 * MB)).toThrow(TypeError);
  });

  it(`lie side by side, each position in exactly one (PGFLEET_SPEC_SEED=${seed})`, () => {
    for (let round = 0; round < 2000; round++) {
      const segmentBytes = 2 ** (20 + Math.floor(random() * 11));
      const position = Math.floor(random() * 2 ** Math.ceil(random() * 52));
      const timeline = 1 + Math.floor(random() * 2 ** 31);
      const name = segmentName(timeline, position, segmentBytes);
      const { begin, end } = segmentOf(name, segmentBytes);
      expect(name).toMatch(/^[0-9A-F]{24}$/);
      expect(begin <= position && position < end).toBe(true);
      expect(segmentName(timeline, begin, segmentBytes)).toBe(name);
      expect(segmentName(timeline, end, segmentBytes) > name).toBe(true);
      expect(bytesOf(lsnOf(position))).toBe(position);
    }
  });
});
