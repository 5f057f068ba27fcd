import type { RestoreTarget } from '@pgfleet/contracts';
import { askedPosition, lsnOf } from '../wal/wal-position';
import { isOnHistory, type Place } from './history';
import { instantOf, microsecondsOf } from './instant';
import {
  knownTimelines,
  quietUntil,
  recoverySpan,
  type ArchivedHistory,
  type Base,
  type Gap,
  type Moment,
  type RecoverySpan,
} from './recovery-span';

/** A place with a name. */
export interface NamedPlace extends Place {
  name: string;
}

export interface TargetSurroundings {
  /** The history of the newest timeline. Its backups are all complete ones, including those of abandoned timelines. */
  history: ArchivedHistory;
  /** The history of another timeline. */
  historyTo: (timeline: number) => ArchivedHistory;
  restorePoints: readonly NamedPlace[];
  /** The end of the newest archived segment; null: unknown. */
  archivedUntil: number | null;
}

/** The same, once the timeline is decided. */
interface Around {
  span: RecoverySpan;
  history: ArchivedHistory;
  restorePoints: readonly NamedPlace[];
  archivedUntil: number | null;
}

type TimeTarget = Extract<RestoreTarget, { type: 'time' }>;
type NameTarget = Extract<RestoreTarget, { type: 'name' }>;

export type TargetDecision =
  | { ok: true; base: Base; timeline: number; target: RestoreTarget; exact: boolean; note?: string }
  | { ok: false; reason: string; before: Moment | null; after: Moment | null; isTooLate?: true };

const text = (moment: Moment): string => `${instantOf(moment.time)} (${lsnOf(moment.position)})`;
const nothing = 'Nothing can be restored yet: no backup and the WAL after it are known to be in the store.';

/**
 * Decides whether a target can be reached, and how. PostgreSQL ends recovery at a time only when it meets a later commit, and
 * fails when the WAL ends before. The very last commit, and the last one before a gap, are therefore reached by position. To stop
 * just before a time, a commit at exactly that time is enough.
 *
 * Follows the newest timeline, unless the target names another. Then the history of that timeline counts, without what other
 * timelines wrote after it had left them.
 *
 * When nothing was written since the last commit, a later time is also reached by the position of that commit.
 *
 * A transaction id cannot be judged exactly: a transaction gets its id when it first writes, but what counts is when it commits.
 * The id is assumed to be archived when it or a later one is known to be. Recovery starts from the newest backup that ended
 * before the last known commit with an earlier id. The transaction ended between that commit and the first known commit with a
 * later id; if that may be inside a gap, the target is refused. Two cases show only during the restore: a transaction that
 * committed while an earlier id was open across the end of that backup, and a subtransaction's id, which no commit record
 * carries.
 */
export function decideTarget(
  target: RestoreTarget,
  { history: newest, historyTo, restorePoints, archivedUntil }: TargetSurroundings,
): TargetDecision {
  const timelines = knownTimelines(newest);
  const timeline = target.type === 'backup' ? undefined : target.timeline;
  const isOther = timeline !== undefined && timeline !== timelines.at(-1);
  if (isOther && !timelines.includes(timeline)) return unknownTimeline(timeline, timelines, newest);
  const history = isOther ? historyTo(timeline) : newest;
  const span = recoverySpan(history, timeline);
  // For an abandoned timeline the last commit is known, and no segment after it.
  const around: Around = { span, history, restorePoints, archivedUntil: isOther ? null : archivedUntil };
  const decision = decideOn(target, around);
  if (decision.ok || !isOther || !decision.isTooLate) return decision;
  return beyondWhatIsKnown(target, span, newest, archivedUntil) ?? decision;
}

function decideOn(target: RestoreTarget, around: Around): TargetDecision {
  const { span } = around;
  if (target.type === 'backup') return decideBackup(target.label, around);
  if (!span.earliest || !span.latest || span.timeline === null)
    return { ok: false, reason: nothing, before: null, after: span.earliest };
  switch (target.type) {
    case 'latest':
      return decideLatest(span);
    case 'time':
      return decideTime(microsecondsOf(target.time), target, span);
    case 'lsn':
      return decidePosition(askedPosition(target.lsn), target, span, span.latest.position);
    case 'name':
      return decideName(target, around);
    case 'xid':
      return decideXid(Number(target.xid), target, span);
  }
}

const reach = (
  span: RecoverySpan,
  target: RestoreTarget,
  isBefore: (base: Base) => boolean,
  exact = true,
): TargetDecision => {
  const base = span.bases.findLast(isBefore);
  if (!base) return { ok: false, reason: nothing, before: null, after: span.earliest };
  return { ok: true, base, timeline: span.timeline!, target, exact };
};

const noted = (decision: TargetDecision, note: string): TargetDecision =>
  decision.ok ? { ...decision, note } : decision;

const atPosition = (span: RecoverySpan, moment: Moment): TargetDecision =>
  reach(span, { type: 'lsn', lsn: lsnOf(moment.position) }, ({ stop }) => stop.position <= moment.position);

/** Without an open gap PostgreSQL finds the end by itself, including whatever is archived until then. */
const decideLatest = (span: RecoverySpan): TargetDecision =>
  span.gaps.some(({ until }) => until === null)
    ? atPosition(span, span.latest!)
    : reach(span, { type: 'latest' }, () => true);

const unknownTimeline = (
  timeline: number,
  known: readonly number[],
  history: ArchivedHistory,
): TargetDecision => ({
  ok: false,
  reason:
    `Nothing of timeline ${timeline} is known to be in the store` +
    (known.length > 0 ? `; of these there is: ${known.join(', ')}.` : '.'),
  before: recoverySpan(history).latest,
  after: null,
});

const inGap = ({ hole, from, until }: Gap, what: string): TargetDecision => ({
  ok: false,
  reason:
    `${what} is in a gap: the store lacks the WAL from ${hole.first} to ${hole.last}` +
    (until ? `, and the next backup ended at ${text(until)}.` : ', and no backup was made since.'),
  before: from,
  after: until,
});

const tooEarly = (what: string, { earliest }: RecoverySpan): TargetDecision => ({
  ok: false,
  reason: `${what} is before the earliest moment, ${text(earliest!)}.`,
  before: null,
  after: earliest,
});

const tooLate = (what: string, { latest }: RecoverySpan): TargetDecision => ({
  ok: false,
  reason: `${what} is after the last commit in the store, ${text(latest!)}.`,
  before: latest,
  after: null,
  isTooLate: true,
});

/**
 * An abandoned timeline may have commits that no node reported: its leader was lost first. The timeline that left it continues in
 * the segment in which it ends. Once that segment is archived beyond this place, so is all of the history up to there. A target
 * before a commit of a later timeline is accepted. Whether the abandoned history reaches that far, only recovery on a separate
 * machine can tell.
 */
const beyondWhatIsKnown = (
  target: RestoreTarget,
  span: RecoverySpan,
  newest: ArchivedHistory,
  archivedUntil: number | null,
): TargetDecision | null => {
  const timeline = span.timeline!;
  const end = Math.min(
    ...newest.timelines.filter((begin) => begin.timeline > timeline).map(({ position }) => position),
  );
  if (!Number.isFinite(end) || (archivedUntil ?? 0) < end || span.gaps.some(({ until }) => until === null))
    return null;
  if (newest.holes.some((hole) => hole.begin < end && hole.end > span.latest!.position)) return null;
  const later = newest.commits.filter((commit) => commit.timeline > timeline && commit.position >= end);
  const accepted =
    (target.type === 'lsn' && askedPosition(target.lsn) <= end) ||
    (target.type === 'time' && later.some(({ time }) => time > microsecondsOf(target.time))) ||
    (target.type === 'xid' && later.some(({ xid }) => xid !== null && isBeforeXid(Number(target.xid), xid)));
  if (!accepted) return null;
  return noted(
    reach(span, target, ({ stop }) => stop.position <= span.latest!.position, false),
    `Of timeline ${timeline} no commit is known after ${text(span.latest!)}: whether the archive leads to the target shows in the recovery.`,
  );
};

const decideTime = (time: number, target: TimeTarget, span: RecoverySpan): TargetDecision => {
  const what = instantOf(time);
  if (time < span.earliest!.time) return tooEarly(what, span);
  const passed = span.gaps.findLast(({ from }) => !from || time > from.time);
  if (passed && (!passed.until || time < passed.until.time)) return inGap(passed, what);
  const ahead = span.gaps.find(({ from }) => from && from.time >= time);
  const end = ahead?.from ?? span.latest!;
  // Nothing was written between that commit and the requested time: the data at that time are those at the commit.
  if (time > end.time && time <= quietUntil(span, end))
    return noted(
      atPosition(span, end),
      `Nothing was written from ${text(end)} to ${what}: recovery ends at that last commit.`,
    );
  const stopsBefore = target.inclusive === false;
  if (time === end.time && !stopsBefore) return atPosition(span, end);
  const isFollowed = span.commits.some(
    (commit) => (stopsBefore ? commit.time >= time : commit.time > time) && commit.position <= end.position,
  );
  // The end of a backup with no known commit after it: nothing was committed at the moment that counts as its end.
  if (time === end.time && !isFollowed) return atPosition(span, end);
  if (!isFollowed) return ahead ? inGap(ahead, what) : tooLate(what, span);
  return reach(span, target, ({ stop }) => stop.time <= time);
};

/** Beyond the last known commit before a gap, it is unknown whether another record exists. */
const surelyBefore = ({ from, hole }: Gap): number => from?.position ?? hole.begin - 1;

const decidePosition = (
  position: number,
  target: RestoreTarget,
  span: RecoverySpan,
  until: number,
  lastBefore = surelyBefore,
): TargetDecision => {
  const what = target.type === 'lsn' ? target.lsn.toUpperCase() : lsnOf(position);
  if (position < span.earliest!.position) return tooEarly(what, span);
  const gap = span.gaps.find(
    (candidate) =>
      position > lastBefore(candidate) && (!candidate.until || position < candidate.until.position),
  );
  if (gap) return inGap(gap, what);
  if (position > until) return tooLate(what, span);
  return reach(span, target, ({ stop }) => stop.position <= position);
};

const decideName = (
  target: NameTarget,
  { span, history: { timelines }, restorePoints, archivedUntil }: Around,
): TargetDecision => {
  const { name } = target;
  const point = restorePoints.find((candidate) => candidate.name === name);
  const nowhere = { before: span.latest, after: null };
  if (!point) return { ok: false, reason: `There is no restore point ${name} in this lineage.`, ...nowhere };
  if (!isOnHistory(point, span.timeline!, timelines))
    return {
      ok: false,
      reason: `The restore point ${name} is at ${lsnOf(point.position)} of timeline ${point.timeline}, which is not in the history of timeline ${span.timeline}.`,
      ...nowhere,
    };
  // The restore point's record ends at its position: anything missing after that does not matter.
  const until = Math.max(span.latest!.position, archivedUntil ?? 0);
  return decidePosition(point.position, target, span, until, ({ hole }) => hole.begin);
};

/** Ids are circular: of two, the later is the one less than half the circle ahead. */
const isBeforeXid = (a: number, b: number): boolean => a !== b && (b - a + 2 ** 32) % 2 ** 32 < 2 ** 31;

const decideXid = (xid: number, target: RestoreTarget, span: RecoverySpan): TargetDecision => {
  const known = span.commits.filter(
    (commit) => commit.xid !== null && commit.position <= span.latest!.position,
  );
  const newest = known.at(-1);
  if (!newest || isBeforeXid(newest.xid!, xid))
    return {
      ok: false,
      reason: `Transaction ${xid} is not known to be in the store${newest ? `: the last commit there is of ${newest.xid}` : ''}.`,
      before: span.latest,
      after: null,
      isTooLate: true,
    };
  const later = known.find((commit) => !isBeforeXid(commit.xid!, xid))!;
  const earliest = span.earliest!;
  if (later.position < earliest.position) return tooEarly(`Transaction ${xid}`, span);
  const before = known.findLast(
    (commit) => commit.position < later.position && isBeforeXid(commit.xid!, xid),
  );
  const bound = Math.max(before?.position ?? 0, earliest.position);
  const gap = span.gaps.find(
    ({ from, until }) => later.position > (from?.position ?? 0) && (until === null || bound < until.position),
  );
  if (gap) return inGap(gap, `Transaction ${xid}, as far as can be known,`);
  return reach(span, target, ({ stop }) => stop.position <= bound, false);
};

const decideBackup = (label: string, { span, history: { bases, timelines } }: Around): TargetDecision => {
  const base = bases.find((candidate) => candidate.label === label);
  if (!base)
    return {
      ok: false,
      reason: `There is no backup ${label} that can be restored in this lineage.`,
      before: span.latest,
      after: null,
    };
  const { stop } = base;
  const isCurrent = span.timeline !== null && isOnHistory(stop, span.timeline, timelines);
  if (isCurrent && !span.bases.some((candidate) => candidate.label === label))
    return {
      ok: false,
      reason: `The backup ${label} cannot be made consistent: the store lacks WAL that was written while it was made.`,
      before: span.latest,
      after: null,
    };
  return { ok: true, base, timeline: stop.timeline, target: { type: 'backup', label }, exact: true };
};
