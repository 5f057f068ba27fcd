import type { ConvertWalQuery } from '@pgfleet/contracts';
import { instantOf } from '../window/instant';
import { recoverySpan } from '../window/recovery-span';
import { placeOf } from './wal-place';
import { lsnOf } from './wal-position';

const size = 16 * 2 ** 20;
const second = 1_000_000;
const at = (seconds: number, timeline = 1) => ({
  timeline,
  position: seconds * size,
  time: seconds * second,
});
const commit = (seconds: number, timeline = 1) => ({ ...at(seconds, timeline), xid: 1 });
const time = (seconds: number) => instantOf(seconds * second);
const timelines = [{ timeline: 2, position: 40.5 * size }];
const span = recoverySpan({
  bases: [{ label: 'A', begin: 9 * size, stop: at(10.25) }],
  commits: [commit(20), commit(30), commit(50, 2), commit(60, 2)],
  timelines,
  holes: [],
});
const place = (query: ConvertWalQuery) =>
  placeOf(query, { span, timelines, segmentBytes: size, archivedUntil: 61 * size });

describe('placeOf', () => {
  it.each<[string, ConvertWalQuery, object]>([
    [
      'a position',
      { lsn: lsnOf(25 * size + 40) },
      {
        segment: '000000010000000000000019',
        timeline: 1,
        offset: 40,
        time: { notBefore: time(20), notAfter: time(30) },
        archived: true,
      },
    ],
    ['a commit, exactly', { lsn: lsnOf(30 * size) }, { time: { notBefore: time(30), notAfter: time(30) } }],
    [
      'a position after the change of the timeline',
      { lsn: lsnOf(45 * size) },
      { segment: '00000002000000000000002D', timeline: 2 },
    ],
    [
      'after the last commit',
      { lsn: lsnOf(60.5 * size) },
      { time: { notBefore: time(60), notAfter: null }, archived: true },
    ],
    ['the end of the archive', { lsn: lsnOf(61 * size) }, { archived: false }],
    ['a segment', { segment: '000000010000000000000019' }, { lsn: lsnOf(25 * size), offset: 0 }],
    [
      'the segment in which the window begins',
      { segment: '00000001000000000000000A' },
      { lsn: lsnOf(10.25 * size) },
    ],
    [
      'the last of the old timeline',
      { segment: '000000010000000000000028' },
      { lsn: lsnOf(40 * size), timeline: 1 },
    ],
    [
      'the first of the new one',
      { segment: '000000020000000000000028' },
      { lsn: lsnOf(40.5 * size), timeline: 2, offset: size / 2 },
    ],
    [
      'a time, as near as is known',
      { time: time(35) },
      { lsn: lsnOf(30 * size), exact: false, time: { notBefore: time(30), notAfter: time(50) } },
    ],
    ['the time of a commit', { time: time(30) }, { lsn: lsnOf(30 * size), exact: true }],
    ['the earliest time', { time: time(10.25) }, { lsn: lsnOf(10.25 * size) }],
    ['the latest', { time: time(60) }, { lsn: lsnOf(60 * size), timeline: 2 }],
  ])('finds %s', (_, query, expected) => {
    expect(place(query)).toMatchObject(expected);
  });

  it('finds a time at which nobody wrote', () => {
    const commits = [commit(20), { ...commit(30), quietUntil: 90 * second }];
    const quiet = recoverySpan({
      bases: [{ label: 'A', begin: 9 * size, stop: at(10.25) }],
      ...{ commits, timelines: [], holes: [] },
    });
    const around = { span: quiet, timelines: [], segmentBytes: size, archivedUntil: 31 * size };
    expect(placeOf({ time: time(80) }, around)).toMatchObject({
      ...{ lsn: lsnOf(30 * size), exact: true, timeline: 1 },
      time: { notBefore: time(30), notAfter: time(30) },
    });
    expect(() => placeOf({ time: time(91) }, around)).toThrow(/not in the recovery window/);
  });

  it.each<[string, ConvertWalQuery, RegExp]>([
    ['before the window', { lsn: lsnOf(10 * size) }, /is not between 0\/A400000 and 0\/3D000000/],
    ['what no WAL ever reaches', { lsn: 'ffffffff/FFFFFFFF' }, /FFFFFFFF\/FFFFFFFF is not between/],
    ['after the archive', { lsn: lsnOf(61 * size + 1) }, /is not between/],
    ['a segment of a timeline that was left', { segment: '000000010000000000000029' }, /timeline was left/],
    [
      'a segment of a timeline that is not there yet',
      { segment: '000000030000000000000029' },
      /or it is none/,
    ],
    ['no segment of that size', { segment: '0000000100000000FFFFFFFF' }, /no WAL segment/],
    ['an earlier time', { time: time(10) }, /not in the recovery window/],
    ['a later time', { time: time(61) }, /not in the recovery window/],
  ])('refuses %s', (_, query, reason) => {
    expect(() => place(query)).toThrow(reason);
  });
});
