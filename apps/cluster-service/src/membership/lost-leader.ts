import type { OutageBound } from '@pgfleet/contracts';
import type { OrderedChange } from '@pgfleet/patroni';
import type { ClusterEntity } from '../persistence/cluster.entity';
import type { LeadershipEntity, LostLeader } from '../persistence/leadership.entity';
import type { ClusterChange, Sight } from './sight';

/** Clocks of nodes and of this service may differ by as much. */
const clockSlackMs = 5_000;

/** What Patroni was asked for and does now. Until its time has come, a scheduled change is no reason for anything. */
export const dueChange = ({ orderedChange }: Sight, at: Date): OrderedChange | null =>
  !orderedChange?.scheduledAt || Date.parse(orderedChange.scheduledAt) <= at.getTime() + clockSlackMs
    ? orderedChange
    : null;

/** A failover to a member, which asks nobody to hand over. */
export const isForced = (ordered: OrderedChange | null): ordered is OrderedChange =>
  ordered !== null && ordered.candidate !== null && ordered.leader === null;

const later = (...positions: (number | null | undefined)[]): number | null =>
  positions.reduce<number | null>(
    (latest, each) => (each == null ? latest : Math.max(latest ?? 0, each)),
    null,
  );

/** Of moments as ISO texts. */
const earliest = (...moments: (string | null | undefined)[]): string | null =>
  moments.filter((moment) => typeof moment === 'string').sort()[0] ?? null;

/** Less than this, and PostgreSQL cannot create its next WAL segment. */
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
 * What is known of a leader at the moment it does not hold the lock any more. Patroni keeps the lock and the member's own key on one
 * lease: both are gone when it ran out, and nobody who hands over lets it run out. So then nothing was handed over, whatever was
 * intended.
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
    // What was seen before a gap says nothing of who was in step at its end.
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
 * The leader that took over was lost in its turn before it was seen to write: it is still the first one that is being replaced. What
 * the second one may have written counts, and only who was in step with both has it all.
 */
export const lostAgain = (first: LostLeader, second: LostLeader): LostLeader => ({
  ...first,
  position: later(first.position, second.position),
  safe: first.safe.filter((name) => second.safe.includes(name)),
});

/**
 * Of a quorum each has what it acknowledged, and an election finds the one that has it all. A member that somebody chose was not
 * elected: Patroni asks nobody.
 */
export const stillSafe = ({ safe }: LostLeader, { before, at }: ClusterChange): string[] =>
  safe.length > 1 && isForced(dueChange(before, at)) ? [] : safe;

/**
 * The earliest that another node missed the leader. It is kept: a node takes its word back as soon as it reaches the next one. A node's
 * pooler leads to the lost leader until there is another, so what it follows says nothing of whether it misses it.
 */
export function missedAt(lost: LostLeader, { before, after }: ClusterChange): string | null {
  const moments = [...before.reports, ...after.reports].flatMap(([name, { lost: missed }]) =>
    // A node that is gone itself cannot take its word back.
    name !== lost.leader &&
    missed?.leader === lost.leader &&
    (before.members.has(name) || after.members.has(name))
      ? [missed.since]
      : [],
  );
  // A word from before it led is of an earlier loss.
  const ofThis = moments.filter((moment) => lost.since === null || moment >= lost.since);
  return earliest(lost.missedAt, ...ofThis);
}

/**
 * From when nobody was served, and how exactly that is known. A leader whose lease ran out had renewed it `leaseMs` before, so it cannot
 * have been lost earlier, whatever a node says.
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

/** Whether the loss is a failover that is published: one that handed over is none, nor is one that nobody could replace. */
export const isTold = ({ nodes }: Pick<ClusterEntity, 'nodes'>, { handover }: LostLeader): boolean =>
  !handover && nodes > 1;

/** The loss as it was seen, without what a program was about to do: that failed, or did not replace the leader. */
export const withoutIntent = (lost: LostLeader): LostLeader => ({
  ...lost,
  origin: null,
  operationId: null,
  cause: lost.seenCause ?? lost.cause,
});
