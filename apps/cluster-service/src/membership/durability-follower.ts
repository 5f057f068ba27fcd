import { Injectable } from '@nestjs/common';
import { clusterDurabilityReduced, clusterDurabilityRestored } from '@pgfleet/contracts';
import { Outbox } from '@pgfleet/messaging';
import { IsNull, type EntityManager } from 'typeorm';
import { serves } from '../clusters/cluster-state';
import { acknowledgesAlone } from '../failover/durability';
import { ReducedDurabilityEntity } from '../persistence/reduced-durability.entity';
import type { ClusterChange } from './sight';

/** How many periods are kept per cluster. */
const kept = 100;

/**
 * Tracks whether a replica has what the leader acknowledges. Patroni suspends `sync` and `quorum` while no replica can have it.
 * That also happens after every change of the leader, until the new leader has named its standbys. Each such period is stored and
 * published.
 */
@Injectable()
export class DurabilityFollower {
  constructor(private readonly outbox: Outbox) {}

  async follow(tx: EntityManager, { cluster, before, after, at }: ClusterChange): Promise<void> {
    const { id: clusterId, name, nodes } = cluster;
    // Nothing is acknowledged without a leader: the previous period continues until there is one.
    if (after.leader === null || !serves(cluster)) return;
    const sameKeys =
      after.leader === before.leader &&
      after.durability === before.durability &&
      after.syncStandbys === before.syncStandbys;
    if (sameKeys) return;
    const configured = after.durability ?? cluster.durability;
    const alone = acknowledgesAlone({ ...after, leader: after.leader, durability: configured, nodes });
    const open = await tx.findOneBy(ReducedDurabilityEntity, { clusterId, until: IsNull() });
    if (alone === (open !== null)) return;
    if (open) {
      const since = open.since.toISOString();
      const durationMs = Math.max(0, at.getTime() - open.since.getTime());
      await tx.update(ReducedDurabilityEntity, { clusterId, until: IsNull() }, { until: at });
      const data = { clusterId, name, durability: configured, since, durationMs };
      await this.outbox.publish(tx, clusterDurabilityRestored, clusterId, data);
      return;
    }
    const { leader } = after;
    await tx.insert(ReducedDurabilityEntity, { clusterId, since: at, until: null, configured, leader });
    await tx.query(
      `delete from reduced_durability where cluster_id = $1 and since not in
         (select since from reduced_durability where cluster_id = $1 order by since desc limit ${kept})`,
      [clusterId],
    );
    const data = { clusterId, name, durability: configured, leader };
    await this.outbox.publish(tx, clusterDurabilityReduced, clusterId, data);
  }
}
