import type { ArchiveReport } from '@pgfleet/contracts';
import { archiveProgress, type ArchiveProgress, isFilling, lagBytesOf, usedPercent } from './archive-verdict';

const start = Date.parse('2026-11-24T12:00:00Z');
const at = (seconds: number): Date => new Date(start + seconds * 1000);
const report = (seconds: number, more: Partial<ArchiveReport> = {}): ArchiveReport => ({
  timeline: 1,
  segmentBytes: 16 * 2 ** 20,
  currentLsn: '0/7000028',
  segment: '000000010000000000000004',
  commit: null,
  failing: null,
  switchedAt: null,
  archiveTimeoutSeconds: 40,
  maxWalBytes: 2 ** 30,
  at: at(seconds).toISOString(),
  ...more,
});
const failing = { segment: '000000010000000000000005', since: at(0).toISOString() };
const before = (more: Partial<ArchiveProgress> = {}): ArchiveProgress => ({
  timeline: 1,
  segment: '000000010000000000000004',
  advancedAt: at(0),
  stalledAt: null,
  ...more,
});

describe('lagBytesOf', () => {
  it.each([
    ['0/7000028', 2 * 16 * 2 ** 20 + 0x28],
    ['0/5000000', 0],
    ['0/4FFFFFF', 0],
  ])('at %s is %d', (currentLsn, lag) => {
    expect(lagBytesOf(report(0, { currentLsn }))).toBe(lag);
  });

  it('is unknown while nothing is archived', () => {
    expect(lagBytesOf(report(0, { segment: null }))).toBeNull();
  });
});

describe('archiveProgress', () => {
  it('begins, and goes on with every segment', () => {
    expect(archiveProgress(null, report(0), at(0))).toEqual(before());
    const next = report(500, { segment: '000000010000000000000005' });
    expect(archiveProgress(before({ stalledAt: at(130) }), next, at(500))).toEqual(
      before({ segment: '000000010000000000000005', advancedAt: at(500) }),
    );
  });

  it.each<[string, number, Partial<ArchiveReport>, Partial<ArchiveProgress>, boolean]>([
    ['a whole segment waits for two minutes', 121, {}, {}, true],
    ['it waits for less', 119, {}, {}, false],
    ['less than a segment was written: nothing is due', 9999, { currentLsn: '0/5FFFFFF' }, {}, false],
    ['the archiver fails, whatever was written', 121, { currentLsn: '0/5000100', failing }, {}, true],
    ['nothing was ever archived, and it fails', 121, { segment: null, failing }, { segment: null }, true],
    ['nothing was ever archived, and it does not', 9999, { segment: null }, { segment: null }, false],
    ['the node said so long ago', 500, { at: at(400).toISOString() }, {}, false],
  ])('%s', (_, seconds, said, was, stalls) => {
    const { stalledAt } = archiveProgress(before(was), report(seconds, said), at(seconds));
    expect(stalledAt).toEqual(stalls ? at(seconds) : null);
  });

  it('says once since when, and does not recover without a segment', () => {
    const stalled = before({ stalledAt: at(130) });
    expect(archiveProgress(stalled, report(900), at(900))).toEqual(stalled);
    expect(archiveProgress(stalled, report(900, { currentLsn: '0/5000000' }), at(900))).toEqual(stalled);
    const other = report(900, { timeline: 2, segment: null, failing });
    expect(archiveProgress(stalled, other, at(900)).stalledAt).toEqual(at(130));
    expect(archiveProgress(stalled, { ...other, failing: null }, at(900)).stalledAt).toBeNull();
  });
});

describe('isFilling', () => {
  it.each([
    [20, false, true],
    [20.1, false, false],
    [25, true, true],
    [25.1, true, false],
    [0, false, true],
    [100, true, false],
  ])('with %d %% free, before: %s', (free, was, filling) => {
    expect(isFilling({ bytes: 1000, free: free * 10 }, was)).toBe(filling);
  });

  it('is told in percent', () => {
    expect(usedPercent({ bytes: 1000, free: 167 })).toBe(83.3);
  });
});
