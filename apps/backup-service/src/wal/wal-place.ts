import { cannotChange, type ConvertWalQuery, type WalPlace } from '@pgfleet/contracts';
import { isOnHistory, type TimelineBegin } from '../window/history';
import { instantOf, microsecondsOf } from '../window/instant';
import { quietUntil, type Moment, type RecoverySpan } from '../window/recovery-span';
import { askedPosition, lsnOf } from './wal-position';
import { segmentName, segmentOf } from './wal-segment';

export interface PlaceSurroundings {
  span: RecoverySpan;
  timelines: readonly TimelineBegin[];
  segmentBytes: number;
  archivedUntil: number | null;
}

const outside = (detail: string) =>
  cannotChange(detail, { remedy: 'GET /clusters/:clusterId/recovery-window says what the store has.' });

/** The timeline of a position in the history that leads to `newest`. */
const timelineAt = (position: number, newest: number, timelines: readonly TimelineBegin[]): number => {
  for (let timeline = newest; timeline > 1; timeline--) {
    const begin = timelines.find((candidate) => candidate.timeline === timeline);
    if (begin && position >= begin.position) return timeline;
  }
  return timelines.length === 0 ? newest : Math.min(...timelines.map(({ timeline }) => timeline)) - 1;
};

/** @throws ProblemError 422 for a place that is not in the archived history */
export const placeOf = (query: ConvertWalQuery, around: PlaceSurroundings): WalPlace => {
  const { span, timelines, segmentBytes } = around;
  const { earliest, timeline: newest } = span;
  if (!earliest || newest === null) throw outside('Nothing can be restored yet: there is no backup.');
  const position = positionOf(query, around);
  const end = Math.max(around.archivedUntil ?? 0, span.latest?.position ?? 0);
  if (position < earliest.position || position > end)
    throw outside(
      `${query.lsn?.toUpperCase() ?? lsnOf(position)} is not between ${lsnOf(earliest.position)} and ${lsnOf(end)}, which the store has.`,
    );
  const timeline = timelineAt(position, newest, timelines);
  const { notBefore, notAfter } =
    query.time === undefined ? timesAt(position, span, earliest) : timesAround(query.time, span, earliest);
  return {
    lsn: lsnOf(position),
    segment: segmentName(timeline, position, segmentBytes),
    timeline,
    offset: position % segmentBytes,
    time: { notBefore: instantOf(notBefore), notAfter: notAfter === null ? null : instantOf(notAfter) },
    exact: notAfter !== null && notBefore === notAfter,
    archived: position < end,
  };
};

interface Times {
  notBefore: number;
  notAfter: number | null;
}

const timesAt = (position: number, span: RecoverySpan, earliest: Moment): Times => ({
  notBefore: (span.commits.findLast((commit) => commit.position <= position) ?? earliest).time,
  notAfter: span.commits.find((commit) => commit.position >= position)?.time ?? null,
});

/** A time maps to the place of the last known commit: other commits may follow it before the requested time. */
const timesAround = (instant: string, span: RecoverySpan, earliest: Moment): Times => {
  const time = microsecondsOf(instant);
  const before = span.commits.findLast((commit) => commit.time <= time) ?? earliest;
  if (time <= quietUntil(span, before)) return { notBefore: before.time, notAfter: before.time };
  return {
    notBefore: before.time,
    notAfter: span.commits.find((commit) => commit.time > time)?.time ?? null,
  };
};

const positionOf = (query: ConvertWalQuery, { span, timelines, segmentBytes }: PlaceSurroundings): number => {
  if (query.lsn !== undefined) return askedPosition(query.lsn);
  if (query.segment !== undefined) return beginOf(query.segment, span, timelines, segmentBytes);
  const time = microsecondsOf(query.time!);
  const { earliest, latest } = span;
  if (!earliest || !latest || time < earliest.time || time > Math.max(latest.time, quietUntil(span, latest)))
    throw outside(`${query.time} is not in the recovery window.`);
  // The last known commit at or before that time. Where every segment has a known commit, this is close enough to find the segment.
  return (
    span.commits.findLast((commit) => commit.time <= time && commit.position >= earliest.position) ?? earliest
  ).position;
};

const beginOf = (
  name: string,
  { timeline: newest, earliest }: RecoverySpan,
  timelines: readonly TimelineBegin[],
  segmentBytes: number,
): number => {
  let segment;
  try {
    segment = segmentOf(name, segmentBytes);
  } catch {
    throw outside(`${name} is no WAL segment of ${segmentBytes} bytes.`);
  }
  // The segment in which a timeline begins also holds the end of the one before it: the place is where this timeline's own part begins.
  const own = timelines.find(({ timeline }) => timeline === segment.timeline)?.position ?? 0;
  const position = Math.max(
    segment.begin,
    own < segment.end ? own : 0,
    earliest && earliest.position < segment.end ? earliest.position : 0,
  );
  if (!isOnHistory({ timeline: segment.timeline, position }, newest!, timelines))
    throw outside(
      `${name} is not in the history of timeline ${newest}: its timeline was left before it, or it is none.`,
    );
  return position;
};
