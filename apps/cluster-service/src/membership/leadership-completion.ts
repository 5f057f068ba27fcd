import { Injectable } from '@nestjs/common';
import {
  clusterFailoverCompleted,
  clusterSwitchoverCompleted,
  type LeadershipOrigin,
} from '@pgfleet/contracts';
import { Outbox } from '@pgfleet/messaging';
import { lsnText } from '@pgfleet/patroni';
import type { EntityManager } from 'typeorm';
import { serves } from '../clusters/cluster-state';
import { leaseMs } from '../failover/failover-profile';
import type { LeadershipEntity, LostLeader } from '../persistence/leadership.entity';
import { LeadershipRows } from './leadership-rows';
import { isTold, outageOf, withoutIntent } from './lost-leader';
import { possibleLoss } from './possible-loss';
import type { ClusterChange } from './sight';
import { timelineOf, writableLeader, type WritableLeader } from './writable-leader';

/** The outcome of a change of the leader, and its cost. */
type Completed = Pick<
  LeadershipEntity,
  'leader' | 'origin' | 'cause' | 'promotedAt' | 'outageMs' | 'outageBound' | 'lossBytes' | 'lossSure'
> & { timeline: number };

/**
 * The old leader's poolers report within two seconds that they let statements go. After this time nothing waits for a missing
 * report.
 */
const releaseWithinMs = 5_000;

/**
 * How long the old leader's poolers held statements. null: they did not, or it is unknown; `awaited`: they have not reported it
 * yet.
 */
const stallOf = ({ after, at }: ClusterChange, lost: LostLeader, since: Date): number | null | 'awaited' => {
  const hold = after.reports.get(lost.leader)?.hold;
  if (!hold || hold.id === lost.earlierHold || hold.state === 'refused') return null;
  if (hold.state === 'released') return hold.ms;
  return at.getTime() - since.getTime() < releaseWithinMs ? 'awaited' : null;
};

const earlier = (one: Date, other: Date): Date => (one < other ? one : other);

/** Completes a change of the leader once the new leader is seen to take writes: stores its cost and publishes it, once. */
@Injectable()
export class LeadershipCompletion {
  constructor(
    private readonly rows: LeadershipRows,
    private readonly outbox: Outbox,
  ) {}

  async follow(tx: EntityManager, change: ClusterChange): Promise<void> {
    const { cluster, after } = change;
    const { lost } = cluster;
    if (after.leader === null) return;
    if (!lost) return this.learnTimeline(tx, change, after.leader);
    const current = await this.rows.current(tx, cluster.id);
    if (current?.leader !== after.leader || !serves(cluster)) return;
    if (current.leader === lost.leader) return this.completeSame(tx, change, current, lost);
    if (!current.completedAt) {
      const writable = writableLeader(change, current, lost);
      if (!writable) return;
      await this.complete(tx, change, current, lost, writable);
    }
    await this.announce(tx, change, current, lost);
  }

  /** Publishes what is still unpublished about the beginning of a leadership that has already ended. */
  async hurry(tx: EntityManager, change: ClusterChange, current: LeadershipEntity): Promise<void> {
    const { lost } = change.cluster;
    if (lost && current.completedAt && !current.announced)
      await this.announce(tx, change, current, lost, { hurry: true });
  }

  private async complete(
    tx: EntityManager,
    change: ClusterChange,
    current: LeadershipEntity,
    lost: LostLeader,
    writable: WritableLeader,
  ): Promise<void> {
    // The change may have been processed late: the leadership began when the leader could write.
    const since = earlier(current.since, writable.since);
    await this.rows.change(tx, current, {
      ...this.costs(change, lost, current.leader, writable),
      since,
      completedAt: change.at,
    });
    await this.rows.endBefore(tx, current);
    change.cluster.lostAt = null;
  }

  /** The lost leader leads again. On its old timeline the leadership continues; on a new timeline another one begins. */
  private async completeSame(
    tx: EntityManager,
    change: ClusterChange,
    current: LeadershipEntity,
    lost: LostLeader,
  ): Promise<void> {
    const writable = writableLeader(change, current, lost);
    if (!writable) return;
    const { cluster, at } = change;
    const { leader } = current;
    const costs = this.costs(change, lost, leader, writable);
    // The operation or order under way did not replace the leader.
    const { cause, operationId } = withoutIntent(lost);
    const origin: LeadershipOrigin = 'unplanned';
    if (current.timeline === null) {
      await this.rows.change(tx, current, { ...costs, completedAt: at, announced: true });
    } else if (writable.timeline > current.timeline) {
      const since = earlier(at, writable.since);
      await this.rows.change(tx, current, { until: cluster.lostAt ?? at });
      const begun = { clusterId: cluster.id, leader, since, origin, cause, operationId };
      const next = { ...begun, ...costs, completedAt: at, announced: true };
      await this.rows.endBefore(tx, await this.rows.begin(tx, current, next));
    }
    cluster.lostAt = null;
    cluster.lost = null;
    // If the leader failed to hand over, or no member could take over, no change was published, and there was none.
    if (isTold(cluster, lost))
      await this.publishFailover(tx, change, lost, { ...costs, leader, origin, cause });
  }

  private async announce(
    tx: EntityManager,
    change: ClusterChange,
    current: LeadershipEntity,
    lost: LostLeader,
    { hurry = false } = {},
  ): Promise<void> {
    const { cluster, at } = change;
    const { timeline, completedAt } = current;
    if (timeline === null) throw new Error(`the leadership of ${current.leader} has no timeline`);
    const completed = { ...current, timeline };
    if (lost.handover) {
      const stall = stallOf(change, lost, completedAt ?? at);
      if (stall === 'awaited' && !hurry) return;
      const data = { ...between(change, lost, completed), stallMs: stall === 'awaited' ? null : stall };
      await this.outbox.publish(tx, clusterSwitchoverCompleted, cluster.id, data, correlated(current));
    } else {
      await this.publishFailover(tx, change, lost, completed, correlated(current));
    }
    await this.rows.change(tx, current, { announced: true });
    cluster.lost = null;
  }

  private async publishFailover(
    tx: EntityManager,
    change: ClusterChange,
    lost: LostLeader,
    completed: Completed,
    options: { correlationId?: string } = {},
  ): Promise<void> {
    const { outageMs, outageBound, lossBytes, lossSure } = completed;
    const data = {
      ...between(change, lost, completed),
      outageMs: outageMs ?? 0,
      outageBound: outageBound ?? 'at-least',
      loss: { bytes: lossBytes ?? 0, sure: lossSure ?? false },
      cause: completed.cause ?? lost.cause,
      fenced: completed.origin === 'fenced',
    };
    await this.outbox.publish(tx, clusterFailoverCompleted, change.cluster.id, data, options);
  }

  private costs(
    { cluster, at }: ClusterChange,
    lost: LostLeader,
    leader: string,
    { timeline, promotedAt, since }: WritableLeader,
  ) {
    const { from, bound: outageBound } = outageOf(lost, cluster.lostAt ?? at, leaseMs(cluster.profile));
    const outageMs = Math.max(0, since.getTime() - from.getTime());
    const { bytes: lossBytes, sure: lossSure } = possibleLoss(lost, leader, promotedAt);
    return { timeline, promotedAt, outageMs, outageBound, lossBytes, lossSure };
  }

  /**
   * Learns the timeline of a leadership that began without a change of the leader: the first one, or one whose timeline changed
   * unobserved.
   */
  private async learnTimeline(tx: EntityManager, change: ClusterChange, leader: string): Promise<void> {
    const { cluster, before, after, at } = change;
    const timeline = timelineOf(after, leader);
    if (timeline === null || (before.leader === leader && timeline === timelineOf(before, leader))) return;
    const current = await this.rows.current(tx, cluster.id);
    if (current?.leader !== leader) return;
    const writable = after.reports.get(leader)?.writable;
    const learned = { timeline, promotedAt: writable?.promotedAt ?? null, completedAt: at };
    if (current.timeline === null) {
      const since = earlier(current.since, writable ? new Date(writable.since) : at);
      await this.rows.change(tx, current, { ...learned, since });
    } else if (timeline > current.timeline) {
      await this.rows.change(tx, current, { until: at });
      const next = { clusterId: cluster.id, leader, since: at, announced: true };
      await this.rows.begin(tx, current, { ...next, ...learned });
    }
  }
}

const between = (
  { cluster }: ClusterChange,
  lost: LostLeader,
  { leader, timeline, promotedAt }: Completed,
) => ({
  clusterId: cluster.id,
  from: lost.leader,
  to: leader,
  fromTimeline: lost.timeline,
  toTimeline: timeline,
  promotedAt: promotedAt === null ? null : lsnText(promotedAt),
});

const correlated = ({ operationId }: LeadershipEntity) => (operationId ? { correlationId: operationId } : {});
