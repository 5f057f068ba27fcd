import type { Leadership } from '@pgfleet/contracts';
import { lsnText, type EndedTimeline } from '@pgfleet/patroni';
import type { LeadershipEntity } from '../persistence/leadership.entity';

/** The beginning of a timeline: how the previous one ended. */
interface Beginning {
  timeline: number;
  from: EndedTimeline;
  endedAt: string | null;
}

/**
 * Each entry describes how the next entry's timeline began. The last entry's successor is the current leader's timeline, or the
 * next number.
 */
const beginnings = (history: readonly EndedTimeline[], newest: number | null): Beginning[] =>
  history.map((from, index) => {
    const next = history[index + 1];
    const successor = newest !== null && newest > from.timeline ? newest : from.timeline + 1;
    return { timeline: next?.timeline ?? successor, from, endedAt: next?.at ?? null };
  });

const instant = (date: Date | null): string | null => date?.toISOString() ?? null;
const lsn = (position: number | null | undefined): string | null =>
  position == null ? null : lsnText(position);

const known = (row: LeadershipEntity, from: EndedTimeline | undefined): Leadership => ({
  leader: row.leader,
  timeline: row.timeline,
  origin: row.origin,
  since: row.since.toISOString(),
  until: instant(row.until),
  cause: row.cause,
  promotedAt: lsn(row.promotedAt ?? from?.endedAtPosition),
  outageMs: row.outageMs,
  outageBound: row.outageBound,
  loss: row.lossBytes === null ? null : { bytes: row.lossBytes, sure: row.lossSure ?? false },
  measuredLoss:
    row.lostBytes === null ? null : { bytes: row.lostBytes, transactions: row.lostTransactions ?? 0 },
  operationId: row.operationId,
  patroniReason: from?.reason ?? null,
});

/** A timeline that only Patroni knows. Without a leader and a time there is nothing to report. */
const unseen = ({ timeline, from, endedAt }: Beginning): Leadership[] =>
  from.leader === null || from.at === null
    ? []
    : [
        {
          leader: from.leader,
          timeline,
          origin: null,
          since: from.at,
          until: endedAt,
          cause: null,
          promotedAt: lsn(from.endedAtPosition),
          outageMs: null,
          outageBound: null,
          loss: null,
          measuredLoss: null,
          operationId: null,
          patroniReason: from.reason,
        },
      ];

/**
 * The observed leaderships, newest first, each with Patroni's reason for its timeline, and between them those that only Patroni
 * knows.
 * @param rows in the order in which they began
 */
export function mergedHistory(
  rows: readonly LeadershipEntity[],
  history: readonly EndedTimeline[],
): Leadership[] {
  const newest = rows.reduce<number | null>(
    (highest, { timeline }) => (timeline === null ? highest : Math.max(highest ?? 0, timeline)),
    null,
  );
  const begun = beginnings(history, newest);
  const merged = rows.map((row) => known(row, begun.find(({ timeline }) => timeline === row.timeline)?.from));
  const missing = begun.filter(({ timeline }) => rows.every((row) => row.timeline !== timeline));
  for (const leadership of missing.flatMap(unseen)) {
    const after = merged.findIndex(
      ({ timeline }) => timeline !== null && timeline > (leadership.timeline ?? 0),
    );
    const until = leadership.until ?? merged[after]?.since ?? null;
    merged.splice(after < 0 ? merged.length : after, 0, { ...leadership, until });
  }
  return merged.reverse();
}
