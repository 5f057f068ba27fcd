import { Injectable } from '@nestjs/common';
import { clusterStateChanged, type ClusterState } from '@pgfleet/contracts';
import { Outbox } from '@pgfleet/messaging';
import type { EntityManager } from 'typeorm';
import { ClusterEntity } from '../persistence/cluster.entity';

/** The states that a cluster can go to from each. `failed` is a creation or deletion that stopped; both can be retried or deleted. */
const ways: Record<ClusterState, ClusterState[]> = {
  creating: ['ready', 'degraded', 'failed', 'deleting'],
  ready: ['degraded', 'deleting'],
  degraded: ['ready', 'deleting'],
  failed: ['creating', 'deleting'],
  deleting: ['failed'],
};

/** The one place where a cluster's state changes, so that no change goes without its event. */
@Injectable()
export class ClusterStates {
  constructor(private readonly outbox: Outbox) {}

  async change(
    tx: EntityManager,
    cluster: ClusterEntity,
    to: ClusterState,
    reason: string,
    operationId?: string,
  ): Promise<void> {
    const from = cluster.state;
    if (from === to) return;
    if (!ways[from].includes(to)) throw new Error(`cluster ${cluster.id} cannot go from ${from} to ${to}`);
    cluster.state = to;
    await tx.update(ClusterEntity, { id: cluster.id }, { state: to });
    await this.outbox.publish(
      tx,
      clusterStateChanged,
      cluster.id,
      { clusterId: cluster.id, name: cluster.name, from, to, reason },
      operationId ? { correlationId: operationId } : {},
    );
  }
}
