import { Injectable } from '@nestjs/common';
import {
  clusterFailoverLossMeasured,
  clusterMemberRejoined,
  clusterMemberRejoining,
} from '@pgfleet/contracts';
import { Outbox } from '@pgfleet/messaging';
import { lsnText, type NodeReport } from '@pgfleet/patroni';
import type { EntityManager } from 'typeorm';
import { serves } from '../clusters/cluster-state';
import { NodeReportEntity, type LeadershipEntity } from '../persistence/leadership.entity';
import { LeadershipRows } from './leadership-rows';
import type { ClusterChange } from './sight';

type Rejoin = NonNullable<NodeReport['rejoin']>;

/**
 * Publishes that a former leader is back as a replica, and what it had written that its successor never received. A node repeats
 * this in every report. The last one published is kept even after the node has withdrawn its report.
 */
@Injectable()
export class Rejoins {
  constructor(
    private readonly rows: LeadershipRows,
    private readonly outbox: Outbox,
  ) {}

  /** Call this after the nodes' reports are stored. */
  async follow(tx: EntityManager, { cluster, after }: ClusterChange): Promise<void> {
    // The change that cost the member its lead is published first.
    if (cluster.lost || !serves(cluster)) return;
    const found = [...after.reports].flatMap(([member, { rejoin }]) => (rejoin ? [{ member, rejoin }] : []));
    if (found.length === 0) return;
    const told = await tx.findBy(NodeReportEntity, { clusterId: cluster.id });
    for (const { member, rejoin } of found) {
      const last = told.find((row) => row.member === member)?.rejoinedAt;
      if (last && last >= new Date(rejoin.at)) continue;
      const successor = await this.rows.after(tx, cluster.id, rejoin.timeline);
      // A rejoin from before leaderships were followed is not news.
      if (successor && (successor.origin !== null || new Date(rejoin.at) > successor.since))
        await this.tell(tx, member, rejoin, successor);
    }
  }

  /** Publishes each phase of a rejoin. */
  async followOnTheWay(tx: EntityManager, { cluster, before, after }: ClusterChange): Promise<void> {
    if (!serves(cluster)) return;
    for (const [member, { rejoining }] of after.reports) {
      if (!rejoining || member === after.leader) continue;
      const told = before.reports.get(member)?.rejoining;
      if (told?.phase === rejoining.phase && told.since === rejoining.since) continue;
      const { timeline, phase } = rejoining;
      const data = { clusterId: cluster.id, member, timeline, phase };
      await this.outbox.publish(tx, clusterMemberRejoining, cluster.id, data);
    }
  }

  private async tell(
    tx: EntityManager,
    member: string,
    rejoin: Rejoin,
    successor: LeadershipEntity,
  ): Promise<void> {
    const { clusterId } = successor;
    const { how, bytes, transactions, timeline } = rejoin;
    await tx.update(NodeReportEntity, { clusterId, member }, { rejoinedAt: new Date(rejoin.at) });
    const now = (await this.rows.current(tx, clusterId))?.timeline ?? successor.timeline ?? timeline;
    const data = { clusterId, member, timeline: now, how };
    await this.outbox.publish(tx, clusterMemberRejoined, clusterId, data);
    // A fresh copy does not show what was there before, and a leader that handed over has no writes of its own.
    if (bytes === null || transactions === null || successor.origin === 'switchover') return;
    await this.rows.change(tx, successor, { lostBytes: bytes, lostTransactions: transactions });
    const promotedAt = lsnText(rejoin.promotedAt);
    const measured = { clusterId, member, timeline, promotedAt, bytes, transactions };
    await this.outbox.publish(tx, clusterFailoverLossMeasured, clusterId, measured);
  }
}
