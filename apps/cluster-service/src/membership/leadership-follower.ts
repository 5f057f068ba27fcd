import { Injectable } from '@nestjs/common';
import { clusterFailoverStarted, clusterLeaderChanged, type LeadershipOrigin } from '@pgfleet/contracts';
import { Outbox } from '@pgfleet/messaging';
import type { EntityManager } from 'typeorm';
import { serves } from '../clusters/cluster-state';
import type { LeadershipEntity, LeadershipIntent } from '../persistence/leadership.entity';
import { LeadershipCompletion } from './leadership-completion';
import { LeadershipRows } from './leadership-rows';
import { dueChange, isForced, isTold, lostAgain, lostLeader, missedAt, stillSafe } from './lost-leader';
import type { ClusterChange } from './sight';

/** How a leadership began, and the intent behind it, if any. */
interface Beginning {
  origin: LeadershipOrigin;
  cause: string | null;
  operationId: string | null;
  intent: LeadershipIntent | null;
}

/**
 * Follows the leader lock: a leadership ends when its holder loses the lock, and the next begins when another member takes it.
 * Before a cluster is created, and while it is restored or deleted, changes are stored but not published.
 */
@Injectable()
export class LeadershipFollower {
  constructor(
    private readonly rows: LeadershipRows,
    private readonly completion: LeadershipCompletion,
    private readonly outbox: Outbox,
  ) {}

  async follow(tx: EntityManager, change: ClusterChange): Promise<void> {
    const { cluster, before, after } = change;
    if (after.leader !== before.leader) {
      if (before.leader !== null) await this.lose(tx, change, before.leader);
      if (after.leader !== null) await this.take(tx, change, after.leader);
    }
    if (cluster.lost) cluster.lost.missedAt = missedAt(cluster.lost, change);
    await this.completion.follow(tx, change);
  }

  private async lose(tx: EntityManager, change: ClusterChange, leader: string): Promise<void> {
    const { cluster, revision, at } = change;
    const current = await this.rows.current(tx, cluster.id);
    if (current) {
      // The end of the previous switchover is still unpublished, and nothing waits for its details any more.
      await this.completion.hurry(tx, change, current);
      await this.rows.change(tx, current, { until: at, announced: true });
    }
    if (!serves(cluster)) return;
    const lost = lostLeader(change, leader, current?.leader === leader ? current : null);
    if (cluster.lost && !cluster.lost.handover) {
      // Published already, and not over yet.
      cluster.lost = lostAgain(cluster.lost, lost);
      cluster.lostAt ??= at;
      return;
    }
    cluster.lost = lost;
    cluster.lostAt = at;
    if (!isTold(cluster, lost)) return;
    const { timeline, cause } = lost;
    const data = { clusterId: cluster.id, leader, timeline, cause, etcdRevision: String(revision) };
    const options = lost.operationId ? { correlationId: lost.operationId } : {};
    await this.outbox.publish(tx, clusterFailoverStarted, cluster.id, data, options);
  }

  private async take(tx: EntityManager, change: ClusterChange, leader: string): Promise<void> {
    const { cluster, after, revision, at } = change;
    const { lastLeader: from } = cluster;
    const current = await this.rows.current(tx, cluster.id);
    // The loss happened before leaderships were followed: the row knows only who led.
    if (from !== null && from !== leader && !cluster.lost)
      await this.lose(tx, { ...change, watched: false }, from);
    if (from !== leader) {
      cluster.lastLeader = leader;
      const timeline = after.members.get(leader)?.timeline ?? null;
      const data = { clusterId: cluster.id, from, to: leader, timeline, etcdRevision: String(revision) };
      await this.outbox.publish(tx, clusterLeaderChanged, cluster.id, data);
    }
    if (current?.leader === leader && cluster.intent?.origin !== 'restore') {
      const announced = cluster.lost === null || cluster.lost.leader === leader;
      await this.rows.change(tx, current, { until: null, announced });
      return;
    }
    const { intent, ...beginning } = this.beginning(change, current);
    if (intent) cluster.intent = null;
    if (cluster.lost) cluster.lost.safe = stillSafe(cluster.lost, change);
    const announced = cluster.lost === null;
    await this.rows.begin(tx, current, { ...beginning, clusterId: cluster.id, leader, since: at, announced });
  }

  private beginning({ cluster, before, at }: ClusterChange, current: LeadershipEntity | null): Beginning {
    const { intent, lost } = cluster;
    if (intent?.origin === 'restore') return { ...intent, intent };
    if (!lost) {
      const origin = current ? 'unplanned' : 'bootstrap';
      return { origin, cause: null, operationId: null, intent: null };
    }
    // An intent may arrive when the leader is already gone. A switchover's intent is too late by then.
    if (intent && (intent.origin !== 'switchover' || lost.handover)) return { ...intent, intent };
    const { cause, operationId } = lost;
    const origin = lost.origin ?? (isForced(dueChange(before, at)) ? 'forced' : 'unplanned');
    return { origin, cause, operationId, intent: null };
  }
}
