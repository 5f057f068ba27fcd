import type { RestoreTarget } from '@pgfleet/contracts';
import { bytesOf, lsnOf } from '../wal/wal-position';
import { instantOf } from './instant';
import { type ArchivedHistory, type Base, recoverySpan } from './recovery-span';
import {
  decideTarget,
  type NamedPlace,
  type TargetDecision,
  type TargetSurroundings,
} from './restore-target';

const second = 1_000_000;
const size = 16 * 2 ** 20;
/** This history's WAL grows by a segment a second, so that one number identifies a place. */
const at = (seconds: number, timeline = 1) => ({
  timeline,
  position: seconds * size,
  time: seconds * second,
});
const base = (label: string, begin: number, end: number, timeline = 1): Base => ({
  label,
  begin: begin * size,
  stop: at(end, timeline),
});
const commit = (seconds: number, timeline = 1) => ({
  ...at(seconds, timeline),
  xid: Math.round(seconds * 10),
});
const hole = (begin: number, end: number) => ({
  first: `first-${begin}`,
  last: `last-${end}`,
  begin: begin * size,
  end: end * size,
});
const time = (seconds: number): RestoreTarget => ({ type: 'time', time: instantOf(seconds * second) });
const lsn = (seconds: number): RestoreTarget => ({ type: 'lsn', lsn: lsnOf(seconds * size) });
const backup = (label: string): RestoreTarget => ({ type: 'backup', label });

const whole: ArchivedHistory = {
  bases: [base('A', 9, 10), base('B', 49, 50)],
  commits: [commit(15), commit(30), commit(60), commit(90)],
  timelines: [],
  holes: [],
};
const decide = (
  target: RestoreTarget,
  history: ArchivedHistory = whole,
  more: Partial<Pick<TargetSurroundings, 'historyTo'>> & {
    restorePoints?: NamedPlace[];
    archivedUntil?: number;
  } = {},
): TargetDecision =>
  decideTarget(target, {
    history,
    historyTo: more.historyTo ?? (() => history),
    restorePoints: more.restorePoints ?? [],
    archivedUntil: more.archivedUntil ?? null,
  });

/** Abbreviates a decision: the backup to start from, and the target if it changes; or why not, and the nearest target. */
const short = (decision: TargetDecision, asked: RestoreTarget): string => {
  if (decision.ok) {
    const { base: from, target } = decision;
    const changed = JSON.stringify(target) === JSON.stringify(asked) ? '' : ` ${JSON.stringify(target)}`;
    return from.label + changed;
  }
  const [before, after] = [decision.before, decision.after].map((moment) =>
    moment ? String(moment.time / second) : '-',
  );
  return `${before}…${after} ${decision.reason}`;
};

describe('decideTarget, without a gap', () => {
  it.each<[string, RestoreTarget, string | RegExp]>([
    ['latest', { type: 'latest' }, 'B'],
    ['the earliest moment', time(10), 'A'],
    ['a microsecond before', time(10 - 1e-6), /^-…10 .* is before the earliest moment/],
    ['between the backups', time(49.5), 'A'],
    ['the end of the second backup', time(50), 'B'],
    ['a microsecond before that', time(50 - 1e-6), 'A'],
    ['a microsecond before the last commit', time(90 - 1e-6), 'B'],
    ['the last commit itself, by its position', time(90), `B {"type":"lsn","lsn":"0/5A000000"}`],
    ['a microsecond after', time(90 + 1e-6), /^90…- .* is after the last commit/],
    ['the position where the first backup ended', lsn(10), 'A'],
    ['the byte before', { type: 'lsn', lsn: lsnOf(10 * size - 1) }, /^-…10 .* is before the earliest/],
    ['the position where the second ended', lsn(50), 'B'],
    ['the byte before that', { type: 'lsn', lsn: lsnOf(50 * size - 1) }, 'A'],
    ['the position of the last commit', lsn(90), 'B'],
    ['the byte after', { type: 'lsn', lsn: lsnOf(90 * size + 1) }, /^90…- .* is after the last commit/],
    [
      'what no WAL ever reaches',
      { type: 'lsn', lsn: 'FFFFFFFF/ffffffff' },
      /FFFFFFFF\/FFFFFFFF is after the last commit/,
    ],
    ['a backup', backup('A'), 'A'],
    ['a backup that is not there', backup('C'), /no backup C that can be restored/],
    ['a name that is not there', { type: 'name', name: 'x' }, /no restore point x/],
  ])('%s', (_, target, expected) => {
    const said = short(decide(target), target);
    if (typeof expected === 'string') expect(said).toBe(expected);
    else expect(said).toMatch(expected);
  });

  it('reaches nothing without a backup, and only the backup without WAL', () => {
    const commits = [commit(15)];
    for (const type of ['latest', 'time'] as const) {
      const target = type === 'latest' ? ({ type } as const) : time(12);
      expect(decide(target, { ...whole, bases: [] })).toMatchObject({ ok: false });
      expect(decide(target, { bases: [], commits: [], timelines: [], holes: [] })).toMatchObject({
        ok: false,
      });
    }
    const lonely = { ...whole, commits: [], bases: [base('A', 9, 10)] };
    expect(decide({ type: 'latest' }, lonely)).toMatchObject({ ok: true });
    expect(decide(time(10), lonely)).toMatchObject({ ok: true, target: lsn(10) });
    expect(decide(time(11), lonely)).toMatchObject({ ok: false });
    expect(decide(backup('A'), lonely)).toMatchObject({ ok: true });
    // Between two backups with nothing else known, no commit can be promised.
    expect(decide(time(20), { ...whole, commits: [] })).toMatchObject({ ok: false });
    expect(decide(time(12), { ...whole, commits })).toMatchObject({ ok: true });
  });
});

describe('decideTarget, when nobody writes', () => {
  const history = {
    ...whole,
    commits: [...whole.commits.slice(0, -1), { ...commit(90), quietUntil: 200 * second }],
  };

  it('ends at the last commit, up to the moment at which nothing had followed it', () => {
    for (const target of [time(90 + 1e-6), time(150), time(200)])
      expect(decide(target, history)).toMatchObject({ ok: true, exact: true, target: lsn(90) });
    expect(decide(time(150), history)).toMatchObject({
      note: 'Nothing was written from 1970-01-01T00:01:30.000Z (0/5A000000) to 1970-01-01T00:02:30.000Z: recovery ends at that last commit.',
    });
    expect(decide(time(200 + 1e-6), history)).toMatchObject({ ok: false });
    expect(decide(time(150))).toMatchObject({ ok: false });
  });

  it('goes by time again when somebody has written since', () => {
    const later = { ...history, commits: [...history.commits, commit(300)] };
    expect(decide(time(150), later)).toMatchObject({ ok: true, target: time(150) });
    expect(decide(time(250), later)).toMatchObject({ ok: true, target: time(250) });
  });
});

describe('decideTarget, with a gap', () => {
  /** Missing from 40 to 45. The commits at 47 and the backup that started before the end of the hole do not help. */
  const closed: ArchivedHistory = {
    bases: [base('A', 9, 10), base('spoilt', 39, 46), base('B', 49, 50)],
    commits: [commit(15), commit(30), commit(47), commit(60), commit(90)],
    timelines: [],
    holes: [hole(40, 45)],
  };
  const open = { ...closed, bases: closed.bases.slice(0, 2) };

  it.each<[string, ArchivedHistory, RestoreTarget, string | RegExp]>([
    ['before it', closed, time(20), 'A'],
    ['its last commit, by position', closed, time(30), `A {"type":"lsn","lsn":"0/1E000000"}`],
    ['in it', closed, time(42), /^30…50 .*from first-40 to last-45, and the next backup ended/],
    ['after the hole and before the backup', closed, time(47), /^30…50 /],
    ['a microsecond before the backup', closed, time(50 - 1e-6), /^30…50 /],
    ['the backup after it', closed, time(50), 'B'],
    ['after it', closed, time(70), 'B'],
    ['a position in it', closed, lsn(42), /^30…50 /],
    ['a position after the last known commit before it', closed, lsn(31), /^30…50 /],
    ['a position after it', closed, lsn(50), 'B'],
    ['the latest after it', closed, { type: 'latest' }, 'B'],
    ['a backup that was made over it', closed, backup('spoilt'), /cannot be made consistent/],
    ['open: before it', open, time(20), 'A'],
    ['open: in it', open, time(80), /^30…- .*no backup was made since/],
    ['open: a position in it', open, lsn(90), /^30…- .*no backup was made since/],
    [
      'open: the latest ends where it begins',
      open,
      { type: 'latest' },
      `A {"type":"lsn","lsn":"0/1E000000"}`,
    ],
  ])('%s', (_, history, target, expected) => {
    const said = short(decide(target, history), target);
    if (typeof expected === 'string') expect(said).toBe(expected);
    else expect(said).toMatch(expected);
  });

  it('ends with the backup after it while no later commit is known', () => {
    const history = { ...closed, commits: closed.commits.slice(0, 3) };
    expect(recoverySpan(history).latest).toMatchObject({ time: 50 * second });
    expect(decide(time(50), history)).toMatchObject({ ok: true, target: lsn(50), base: { label: 'B' } });
    expect(decide(time(51), history)).toMatchObject({ ok: false, before: { time: 50 * second } });
  });

  it('is none when it is older than the oldest backup', () => {
    const history = { ...whole, holes: [hole(3, 5)] };
    expect(recoverySpan(history).gaps).toEqual([]);
    expect(decide(time(20), history)).toMatchObject({ ok: true });
  });
});

describe('decideTarget, after the timeline has changed', () => {
  /** Timeline 2 left timeline 1 at 40; the old leader had archived up to 45, and a backup. */
  const history: ArchivedHistory = {
    bases: [base('A', 9, 10), base('left', 41, 43), base('B', 49, 50, 2)],
    commits: [commit(15), commit(30), commit(44), commit(41, 2), commit(60, 2)],
    timelines: [{ timeline: 2, position: 40 * size }],
    holes: [],
  };

  it('follows the newest', () => {
    expect(decide(time(20), history)).toMatchObject({ ok: true, timeline: 2, base: { label: 'A' } });
    expect(decide(time(45), history)).toMatchObject({ ok: true, timeline: 2, base: { label: 'A' } });
    expect(decide({ type: 'latest' }, history)).toMatchObject({
      ok: true,
      timeline: 2,
      base: { label: 'B' },
    });
    expect(recoverySpan(history).bases.map(({ label }) => label)).toEqual(['A', 'B']);
  });

  it('follows one that was left, when it is asked for', () => {
    const on = (target: RestoreTarget) => decide(target, history);
    // What timeline 2 wrote after it left is not there, what timeline 1 wrote is.
    expect(on({ type: 'time', time: instantOf(43.5 * second), timeline: 1 })).toMatchObject({
      ok: true,
      timeline: 1,
      base: { label: 'left' },
      target: { type: 'time', timeline: 1 },
    });
    expect(on({ type: 'latest', timeline: 1 })).toMatchObject({
      ok: true,
      timeline: 1,
      base: { label: 'left' },
    });
    expect(on({ type: 'time', time: instantOf(44 * second), timeline: 1 })).toMatchObject({
      ok: true,
      timeline: 1,
      target: lsn(44),
    });
    expect(on({ type: 'lsn', lsn: lsnOf(50 * size), timeline: 1 })).toMatchObject({
      ok: false,
      reason: expect.stringContaining('after the last commit'),
      before: { time: 44 * second },
    });
    // The commit with that id is on timeline 2.
    expect(on({ type: 'xid', xid: '600', timeline: 1 })).toMatchObject({ ok: false });
    expect(on({ type: 'xid', xid: '440', timeline: 1, inclusive: false })).toMatchObject({
      ok: true,
      timeline: 1,
    });
    expect(on({ type: 'latest', timeline: 2 })).toMatchObject({ ok: true, base: { label: 'B' } });
    const restorePoints = [{ name: 'lost', ...at(42) }];
    expect(decide({ type: 'name', name: 'lost', timeline: 1 }, history, { restorePoints })).toMatchObject({
      ok: true,
      timeline: 1,
      base: { label: 'A' },
    });
    // The newest archived segment is on another timeline.
    const late = [{ name: 'late', ...at(44.5) }];
    const more = { restorePoints: late, archivedUntil: 90 * size };
    expect(decide({ type: 'name', name: 'late', timeline: 1 }, history, more)).toMatchObject({ ok: false });
  });

  it('accepts what is archived of one whose last leader could not tell of its commits, and says that it is not known', () => {
    // No commit of timeline 2, from 40 to 42, is known; timeline 3 is archived beyond that.
    const short = {
      ...history,
      timelines: [...history.timelines, { timeline: 3, position: 42 * size }],
      commits: [commit(15), commit(30), commit(60, 3)],
    };
    const more = { archivedUntil: 61 * size };
    const bounded = { ok: true, timeline: 2, exact: false, base: { label: 'A' } };
    const on = (target: object, with_ = more, of = short) =>
      decide({ ...target, timeline: 2 } as RestoreTarget, of, with_);
    expect(on({ type: 'lsn', lsn: lsnOf(41 * size) })).toMatchObject({
      ...bounded,
      note: expect.stringMatching(/^Of timeline 2 no commit is known after .* shows in the recovery\.$/),
    });
    expect(on({ type: 'time', time: instantOf(41 * second) })).toMatchObject(bounded);
    expect(on({ type: 'xid', xid: '410' })).toMatchObject(bounded);
    // Beyond its end, not known to be archived, or after everything that is known.
    for (const refused of [
      on({ type: 'lsn', lsn: lsnOf(43 * size) }),
      on({ type: 'lsn', lsn: lsnOf(41 * size) }, { archivedUntil: 41 * size }),
      on({ type: 'lsn', lsn: lsnOf(41 * size) }, more, { ...short, holes: [hole(40, 41)] }),
      on({ type: 'time', time: instantOf(61 * second) }),
      on({ type: 'xid', xid: '610' }),
    ])
      expect(refused).toMatchObject({ ok: false });
  });

  it('refuses one of which nothing is known', () => {
    for (const timeline of [3, 7])
      expect(decide({ type: 'latest', timeline }, history)).toMatchObject({
        ok: false,
        reason: expect.stringMatching(/timeline \d is known .* there is: 1, 2\.$/),
        before: { time: 60 * second },
      });
  });

  it('counts the holes on the way to the one that is asked for', () => {
    const to = { ...history, holes: [hole(42, 43)] };
    const more = { historyTo: () => to };
    const target = { type: 'time', time: instantOf(44 * second), timeline: 1 } as const;
    expect(decide(target, history, more)).toMatchObject({ ok: false });
    expect(decide({ ...target, timeline: 2 }, history, more)).toMatchObject({ ok: true });
  });

  it('restores a backup of a timeline that was left as it was', () => {
    expect(decide(backup('left'), history)).toMatchObject({ ok: true, timeline: 1, target: backup('left') });
  });

  it('refuses a name on a timeline that was left before it', () => {
    const restorePoints = [
      { name: 'kept', ...at(35) },
      { name: 'lost', ...at(42) },
      { name: 'new', ...at(42, 2) },
    ];
    const name = (word: string) => decide({ type: 'name', name: word }, history, { restorePoints });
    expect(name('kept')).toMatchObject({ ok: true, base: { label: 'A' } });
    expect(name('new')).toMatchObject({ ok: true, timeline: 2 });
    expect(name('lost')).toMatchObject({ ok: false, reason: expect.stringContaining('not in the history') });
  });

  it('ends at the last commit before the change while the new leader has archived nothing', () => {
    const early = { ...history, bases: [base('A', 9, 10)], commits: [commit(15), commit(30), commit(44)] };
    expect(recoverySpan(early)).toMatchObject({ timeline: 2, latest: { time: 30 * second } });
  });
});

describe('decideTarget, just before a target', () => {
  const before = (target: RestoreTarget): RestoreTarget => ({ ...target, inclusive: false }) as RestoreTarget;
  /** Nothing is known from 40 to 45, and a backup ended at 50. */
  const gap: ArchivedHistory = {
    bases: [base('A', 9, 10), base('B', 49, 50)],
    commits: [commit(15), commit(30), commit(60), commit(90)],
    timelines: [],
    holes: [hole(40, 45)],
  };
  const lonely = { ...whole, commits: [], bases: [base('A', 9, 10)] };

  it.each<[string, ArchivedHistory, RestoreTarget, string | RegExp]>([
    ['the earliest moment', whole, time(10), 'A'],
    ['a time between commits', whole, time(70), 'B'],
    ['the time of a commit', whole, time(60), 'B'],
    ['the last commit: it is what recovery stops before', whole, time(90), 'B'],
    ['a microsecond after the last commit', whole, time(90 + 1e-6), /^90…- .* is after the last commit/],
    ['a microsecond before the earliest', whole, time(10 - 1e-6), /^-…10 .*before the earliest/],
    ['the last commit before a gap', gap, time(30), 'A'],
    ['a microsecond after that', gap, time(30 + 1e-6), /^30…50 .* is in a gap/],
    ['the end of the backup after a gap', gap, time(50), 'B'],
    [
      'the end of a backup that nothing is known after',
      lonely,
      time(10),
      `A {"type":"lsn","lsn":"0/A000000"}`,
    ],
    ['the position of the last commit', whole, lsn(90), 'B'],
    ['the position where a backup ended', whole, lsn(50), 'B'],
    ['a position after the last commit', whole, lsn(91), /^90…- /],
    ['the last transaction', whole, { type: 'xid', xid: '900' }, 'B'],
    ['one that is not known', whole, { type: 'xid', xid: '901' }, /^90…- /],
  ])('%s', (_, history, target, expected) => {
    const said = short(decide(before(target), history), before(target));
    if (typeof expected === 'string') expect(said).toBe(expected);
    else expect(said).toMatch(expected);
  });

  it('says nothing else than without when it says that it is inclusive', () => {
    for (const moment of [9, 10, 30, 50, 89, 90, 91]) {
      const { ok } = decide(time(moment));
      expect(decide({ ...time(moment), inclusive: true } as RestoreTarget).ok).toBe(ok);
    }
  });
});

describe('decideTarget, of a name', () => {
  const restorePoints = [
    { name: 'late', ...at(91) },
    { name: 'early', ...at(5) },
    { name: 'mid', ...at(55) },
  ];
  const name = (word: string, archivedUntil?: number, history = whole) =>
    decide({ type: 'name', name: word }, history, {
      restorePoints,
      ...(archivedUntil && { archivedUntil: archivedUntil * size }),
    });

  it('looks whether its segment is archived, though no commit came after it', () => {
    expect(name('late')).toMatchObject({ ok: false });
    expect(name('late', 91)).toMatchObject({ ok: true, base: { label: 'B' } });
    expect(name('mid')).toMatchObject({ ok: true, base: { label: 'B' } });
    expect(name('early')).toMatchObject({ ok: false, after: { time: 10 * second } });
    expect(name('late', 91, { ...whole, holes: [hole(61, 62)] })).toMatchObject({ ok: false });
  });

  it('finds it between the last known commit and a gap, for there is its own record', () => {
    for (const holes of [[hole(55, 56)], [hole(58, 59)]])
      expect(name('mid', 91, { ...whole, holes })).toMatchObject({ ok: true, base: { label: 'B' } });
    expect(name('mid', 91, { ...whole, holes: [hole(54, 56)] })).toMatchObject({ ok: false });
    const known = { ...whole, commits: whole.commits.slice(0, 2), holes: [hole(58, 59)] };
    expect(name('mid', 56, known)).toMatchObject({ ok: true, base: { label: 'B' } });
  });
});

describe('decideTarget, of a transaction id', () => {
  const xid = (id: number, history = whole) => decide({ type: 'xid', xid: String(id) }, history);

  it('begins with a backup before the last commit that is known of an earlier id', () => {
    expect(xid(200)).toMatchObject({ ok: true, exact: false, base: { label: 'A' } });
    expect(xid(590)).toMatchObject({ ok: true, base: { label: 'A' } });
    expect(xid(601)).toMatchObject({ ok: true, base: { label: 'B' } });
    expect(xid(900)).toMatchObject({ ok: true, base: { label: 'B' } });
  });

  it('begins with the oldest backup when the last known commit of an earlier id was made while that was', () => {
    const history = { ...whole, bases: [base('A', 9, 16), base('B', 49, 50)] };
    expect(xid(200, history)).toMatchObject({ ok: true, base: { label: 'A' } });
  });

  it('refuses one that ended before the oldest backup', () => {
    const history = { ...whole, bases: whole.bases.slice(1) };
    for (const id of [100, 300]) expect(xid(id, history)).toMatchObject({ ok: false, before: null });
    expect(xid(301, history)).toMatchObject({ ok: true });
  });

  it('refuses one that may be in a gap', () => {
    const history: ArchivedHistory = {
      ...whole,
      commits: [...whole.commits, commit(52)],
      holes: [hole(40, 45)],
    };
    expect(xid(300, history)).toMatchObject({ ok: true, base: { label: 'A' } });
    expect(xid(301, history)).toMatchObject({
      ok: false,
      reason: expect.stringMatching(/^Transaction 301, as far as can be known, is in a gap/) as string,
      before: { time: 30 * second },
      after: { time: 50 * second },
    });
    expect(xid(520, history)).toMatchObject({ ok: false });
    expect(xid(521, history)).toMatchObject({ ok: true, base: { label: 'B' } });
  });

  it('refuses one that is newer than all that is known, also where ids begin anew', () => {
    expect(xid(901)).toMatchObject({ ok: false, before: { time: 90 * second } });
    const wrapped = {
      ...whole,
      commits: [
        { ...at(60), xid: 2 ** 32 - 5 },
        { ...at(90), xid: 10 },
      ],
    };
    expect(xid(5, wrapped)).toMatchObject({ ok: true, base: { label: 'B' } });
    expect(xid(11, wrapped)).toMatchObject({ ok: false });
    expect(xid(2 ** 32 - 6, wrapped)).toMatchObject({ ok: true, base: { label: 'A' } });
  });
});

describe('recoverySpan and decideTarget, of any history', () => {
  const seed = Number(process.env.PGFLEET_SPEC_SEED ?? Date.now() % 2 ** 31);
  let state = seed;
  const random = (below: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };

  it(`agree, and never promise what a hole lies before (PGFLEET_SPEC_SEED=${seed})`, () => {
    for (let round = 0; round < 3000; round++) {
      const bases = Array.from({ length: random(4) }, (_, index) => {
        const begin = random(100);
        return base(`b${index}`, begin, begin + 1 + random(3));
      });
      const commits = Array.from({ length: random(12) }, () => commit(random(110)));
      const holes = Array.from({ length: random(3) }, (_, index) =>
        hole(20 + 40 * index, 20 + 40 * index + 1 + random(20)),
      );
      const history: ArchivedHistory = { bases, commits, timelines: [], holes };
      const span = recoverySpan(history);
      if (span.latest) {
        expect(span.latest.position).toBeGreaterThanOrEqual(span.earliest!.position);
        expect(decide(lsn(span.latest.position / size), history).ok).toBe(true);
      }
      const moment = random(110);
      const justBefore = { ...time(moment), inclusive: false } as RestoreTarget;
      for (const target of [time(moment), justBefore, lsn(moment), { type: 'latest' } as const]) {
        const decision = decide(target, history);
        if (!decision.ok) continue;
        const { base: from, target: given } = decision;
        const lastSure = Math.max(span.latest!.position, from.stop.position);
        const positions = { lsn: () => bytesOf((given as { lsn: string }).lsn), time: () => moment * size };
        const end = given.type === 'lsn' || given.type === 'time' ? positions[given.type]() : lastSure;
        expect(from.stop.position).toBeLessThanOrEqual(end);
        expect(holes.some((missing) => missing.begin < end && missing.end > from.begin)).toBe(false);
      }
    }
  });
});
