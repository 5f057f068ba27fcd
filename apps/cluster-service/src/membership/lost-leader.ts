import type { OutageBound } from '@pgfleet/contracts';
import type { OrderedChange } from '@pgfleet/patroni';
import type { ClusterEntity } from '../persistence/cluster.entity';
import type { LeadershipEntity, LostLeader } from '../persistence/leadership.entity';
import type { ClusterChange, Sight } from './sight';

/** By how much the clocks of nodes and of this service may differ. */
const clockSlackMs = 5_000;

/** The change that Patroni was asked for and is due now. A scheduled change explains nothing before its time. */
export const dueChange = ({ orderedChange }: Sight, at: Date): OrderedChange | null =>
  !orderedChange?.scheduledAt || Date.parse(orderedChange.scheduledAt) <= at.getTime() + clockSlackMs
    ? orderedChange
    : null;

/** Whether it is a failover to a member, in which nobody is asked to hand over. */
export const isForced = (ordered: OrderedChange | null): ordered is OrderedChange =>
  ordered !== null && ordered.candidate !== null && ordered.leader === null;

const later = (...positions: (number | null | undefined)[]): number | null =>
  positions.reduce<number | null>(
    (latest, each) => (each == null ? latest : Math.max(latest ?? 0, each)),
    null,
  );

/** The earliest of several moments given as ISO strings. */
const earliest = (...moments: (string | null | undefined)[]): string | null =>
  moments.filter((moment) => typeof moment === 'string').sort()[0] ?? null;

/** With less free space than this, PostgreSQL cannot create its next WAL segment. */
const segmentBytes = 16 * 2 ** 20;

const causeOf = ({ before, after, watched }: ClusterChange, leader: string, leaseRanOut: boolean): string => {
  const disk = before.reports.get(leader)?.disk;
  if (disk && disk.free < segmentBytes && !leaseRanOut)
    return `the disk with the WAL of ${leader} is full: ${disk.free} of ${disk.bytes} bytes are free`;
  if (leaseRanOut) return `the lease of ${leader} ran out: its machine, its network or its Patroni is gone`;
  if (!watched) return `${leader} lost the lead while nobody was watching`;
  if (after.leader) return `${after.leader} took the lead from ${leader}`;
  return `${leader} gave up the lead by itself`;
};

/**
 * Collects what is known about a leader at the moment it no longer holds the lock. Patroni keeps the lock and the member's own
 * key on one lease. If both are gone, the lease ran out, and a leader that hands over does not let it run out. So nothing was
 * handed over, whatever was intended.
 */
export function lostLeader(
  change: ClusterChange,
  leader: string,
  leadership: Pick<LeadershipEntity, 'timeline' | 'since'> | null,
): LostLeader {
  const { cluster, before, after, watched, at } = change;
  const leaseRanOut = !after.members.has(leader);
  const { intent } = cluster;
  const ordered = dueChange(before, at);
  const planned = intent ? intent.origin === 'switchover' : ordered?.leader === leader;
  const handover = planned && !leaseRanOut;
  const hold = before.reports.get(leader)?.hold;
  const facts = {
    leader,
    timeline: later(leadership?.timeline, before.members.get(leader)?.timeline),
    since: earliest(leadership?.since.toISOString(), before.reports.get(leader)?.writable?.since),
    handover,
    position: later(before.leaderPosition, before.members.get(leader)?.walPosition),
    // What was seen before a gap does not show which replicas were in sync at its end.
    safe: watched && cluster.durability !== 'async' ? [...before.syncStandbys] : [],
    leaseRanOut,
    seenCause: causeOf(change, leader, leaseRanOut),
    missedAt: null,
    earlierHold: hold?.state === 'released' || hold?.state === 'refused' ? hold.id : null,
  };
  if (intent && (intent.origin !== 'switchover' || handover))
    return { ...facts, origin: intent.origin, operationId: intent.operationId, cause: intent.cause };
  const unplanned = { ...facts, operationId: null };
  if (handover)
    return { ...unplanned, origin: 'switchover', cause: 'Patroni was asked for a switchover by hand' };
  if (isForced(ordered) && !leaseRanOut) {
    const cause = `Patroni was asked for a failover to ${ordered.candidate} by hand`;
    return { ...unplanned, origin: 'forced', cause };
  }
  return { ...unplanned, origin: null, cause: facts.seenCause };
}

/**
 * Merges a second loss: the leader that took over was itself lost before it was seen to write, so the first one is still being
 * replaced. What the second leader may have written counts. Only replicas in sync with both leaders have everything.
 */
export const lostAgain = (first: LostLeader, second: LostLeader): LostLeader => ({
  ...first,
  position: later(first.position, second.position),
  safe: first.safe.filter((name) => second.safe.includes(name)),
});

/**
 * Each member of a quorum has what it acknowledged itself, and an election finds the member that has everything. A member that
 * was named in a failover was not elected: Patroni does not compare it with the others.
 */
export const stillSafe = ({ safe }: LostLeader, { before, at }: ClusterChange): string[] =>
  safe.length > 1 && isForced(dueChange(before, at)) ? [] : safe;

/**
 * The earliest moment at which another node missed the leader. It is kept, because a node withdraws its report as soon as it
 * reaches the next leader. A node's pooler leads to the lost leader until there is another, so the pooler's target does not show
 * whether the node misses it.
 */
export function missedAt(lost: LostLeader, { before, after }: ClusterChange): string | null {
  const moments = [...before.reports, ...after.reports].flatMap(([name, { lost: missed }]) =>
    // A node that is gone itself cannot withdraw its report.
    name !== lost.leader &&
    missed?.leader === lost.leader &&
    (before.members.has(name) || after.members.has(name))
      ? [missed.since]
      : [],
  );
  // A report from before this leadership belongs to an earlier loss.
  const ofThis = moments.filter((moment) => lost.since === null || moment >= lost.since);
  return earliest(lost.missedAt, ...ofThis);
}

/**
 * When the outage began, and how exactly that is known. A leader whose lease ran out had renewed it `leaseMs` before. It cannot
 * have been lost earlier, whatever a node reports.
 */
export function outageOf(
  { missedAt: missed, leaseRanOut, origin }: LostLeader,
  lostAt: Date,
  leaseMs: number,
): { from: Date; bound: OutageBound } {
  const renewed = new Date(lostAt.getTime() - leaseMs);
  if (missed)
    return { from: new Date(Math.max(Date.parse(missed), renewed.getTime() - clockSlackMs)), bound: 'exact' };
  // A fenced leader's lease did not run out: it was revoked.
  return leaseRanOut && origin !== 'fenced'
    ? { from: renewed, bound: 'at-most' }
    : { from: lostAt, bound: 'at-least' };
}

/** Whether the loss is published as a failover. A handover is not, nor is a loss in a cluster that has no other member. */
export const isTold = ({ nodes }: Pick<ClusterEntity, 'nodes'>, { handover }: LostLeader): boolean =>
  !handover && nodes > 1;

/** The loss as observed, without the intent of a program that failed or did not replace the leader. */
export const withoutIntent = (lost: LostLeader): LostLeader => ({
  ...lost,
  origin: null,
  operationId: null,
  cause: lost.seenCause ?? lost.cause,
});
