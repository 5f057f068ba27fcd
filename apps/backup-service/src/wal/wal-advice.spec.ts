import { walAdvice, type WalLoad } from './wal-advice';

const MB = 2 ** 20;
const load = (more: Partial<WalLoad> = {}): WalLoad => ({
  bytesPerSecond: 0.1 * MB,
  segmentBytes: 16 * MB,
  archiveTimeoutSeconds: 40,
  maxWalBytes: 1024 * MB,
  diskBytes: 100 * 1024 * MB,
  ...more,
});
const short = (more: Partial<WalLoad>): string[] =>
  walAdvice(load(more)).map(({ setting, now, advised }) => `${setting} ${now} ${advised}`);

describe('walAdvice', () => {
  it.each<[string, Partial<WalLoad>, string[]]>([
    ['a cluster that is as it should be', {}, []],
    ['one of which no rate is known', { bytesPerSecond: null }, []],
    ['one that just does with its max_wal_size', { bytesPerSecond: 1.7 * MB }, []],
    ['one that does not', { bytesPerSecond: 2 * MB }, ['max_wal_size 1024MB 1280MB']],
    [
      'one with a small disk',
      { bytesPerSecond: 10 * MB, diskBytes: 6 * 1024 * MB },
      ['max_wal_size 1024MB 1536MB'],
    ],
    ['one whose disk has no room', { bytesPerSecond: 10 * MB, diskBytes: 4 * 1024 * MB }, []],
    ['one that fills two segments a second', { bytesPerSecond: 32 * MB, maxWalBytes: 2 ** 40 }, []],
    [
      'one that fills more',
      { bytesPerSecond: 33 * MB, maxWalBytes: 2 ** 40 },
      ['wal_segment_size 16MB 64MB'],
    ],
    ['large segments', { bytesPerSecond: 200 * MB, segmentBytes: 64 * MB, maxWalBytes: 2 ** 40 }, []],
    ['segments that are shipped when full', { archiveTimeoutSeconds: 0 }, ['archive_timeout 0s 40s']],
    ['too rare ones', { archiveTimeoutSeconds: 60 }, ['archive_timeout 60s 40s']],
    ['too many', { archiveTimeoutSeconds: 5 }, ['archive_timeout 5s 40s']],
    [
      'a short timeout that never counts',
      { archiveTimeoutSeconds: 5, bytesPerSecond: 4 * MB, maxWalBytes: 2 ** 40 },
      [],
    ],
  ])('for %s', (_, more, expected) => {
    expect(short(more)).toEqual(expected);
  });

  it('says why', () => {
    for (const { reason } of walAdvice(load({ bytesPerSecond: 100 * MB, archiveTimeoutSeconds: 60 })))
      expect(reason).toMatch(/\d.*\.$/);
  });
});
