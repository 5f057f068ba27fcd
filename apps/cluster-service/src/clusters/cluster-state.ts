import { Injectable } from '@nestjs/common';
import { clusterStateChanged, type ClusterState } from '@pgfleet/contracts';
import { Outbox } from '@pgfleet/messaging';
import type { EntityManager } from 'typeorm';
import { ClusterEntity } from '../persistence/cluster.entity';

/**
 * The states that a cluster can enter from each state. `failed` means that a creation, deletion or restore stopped: it can be
 * retried, a restore can be undone, and the cluster can be deleted.
 */
const ways: Record<ClusterState, ClusterState[]> = {
  creating: ['ready', 'degraded', 'failed', 'deleting'],
  ready: ['degraded', 'restoring', 'deleting'],
  degraded: ['ready', 'restoring', 'deleting'],
  restoring: ['ready', 'degraded', 'failed', 'deleting'],
  failed: ['creating', 'restoring', 'deleting'],
  deleting: ['failed'],
};

/** Whether the cluster has been created and is neither being restored nor deleted. */
export const serves = ({ state }: Pick<ClusterEntity, 'state'>): boolean =>
  state === 'ready' || state === 'degraded';

/** The only place where a cluster's state changes, so that every change publishes its event. */
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
    cluster.degradedAt = to === 'degraded' ? new Date() : null;
    await tx.update(ClusterEntity, { id: cluster.id }, { state: to, degradedAt: cluster.degradedAt });
    await this.outbox.publish(
      tx,
      clusterStateChanged,
      cluster.id,
      { clusterId: cluster.id, name: cluster.name, from, to, reason },
      operationId ? { correlationId: operationId } : {},
    );
  }
}
