import { Injectable } from '@nestjs/common';
import { clusterDegraded, clusterRecovered } from '@pgfleet/contracts';
import { Outbox } from '@pgfleet/messaging';
import { Operations } from '@pgfleet/operations';
import type { EntityManager } from 'typeorm';
import { ClusterStates } from '../clusters/cluster-state';
import { isWhole } from '../clusters/cluster-view';
import type { ClusterChange, Sight } from './sight';

/** The signal that wakes a waiting creation when its cluster is whole. */
export const membersWhole = 'members.whole';

const membersOf = ({ members }: Sight) => [...members].map(([name, member]) => ({ name, ...member }));

/** Makes a created cluster's state follow its members, and signals a creation that waits for them. */
@Injectable()
export class Wholeness {
  constructor(
    private readonly states: ClusterStates,
    private readonly operations: Operations,
    private readonly outbox: Outbox,
  ) {}

  async follow(tx: EntityManager, { cluster, after, at }: ClusterChange): Promise<void> {
    const { id: clusterId, name, nodes } = cluster;
    const members = membersOf(after);
    const whole = isWhole({ ...after, nodes }, members);
    if (cluster.state === 'ready' && !whole) {
      const { leader } = after;
      const serving = members.filter(({ state }) => state === 'running' || state === 'streaming').length;
      const leads = leader ? `${leader} leads` : 'no member leads';
      const reason = `${leads}, ${serving} of ${nodes} members serve`;
      await this.states.change(tx, cluster, 'degraded', reason);
      const data = { clusterId, name, reason, leader, serving, nodes };
      await this.outbox.publish(tx, clusterDegraded, clusterId, data);
    } else if (cluster.state === 'degraded' && whole) {
      const degradedAt = cluster.degradedAt ?? at;
      await this.states.change(tx, cluster, 'ready', 'all members serve again');
      const durationMs = Math.max(0, at.getTime() - degradedAt.getTime());
      const data = { clusterId, name, degradedAt: degradedAt.toISOString(), durationMs };
      await this.outbox.publish(tx, clusterRecovered, clusterId, data);
    } else if (cluster.state === 'creating' && whole) {
      const operation = (await this.operations.active(tx, [clusterId])).get(clusterId);
      if (operation) await this.operations.signal(tx, operation, membersWhole, {});
    }
  }
}
