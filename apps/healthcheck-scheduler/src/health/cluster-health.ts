import { Injectable } from '@nestjs/common';
import { notFound, type ClusterHealth, type HealthState, type NodeHealth } from '@pgfleet/contracts';
import { DataSource } from 'typeorm';
import { NodeChangeEntity } from '../persistence/node-change.entity';
import { NodeEntity } from '../persistence/node.entity';

/** A cluster is as healthy as its worst node. */
const worst = (states: readonly HealthState[]): HealthState =>
  (['unhealthy', 'unknown', 'saturated'] as const).find((state) => states.includes(state)) ?? 'healthy';

/** All nodes see the same catalogs, so the most recently probed node has the latest notices. */
const latestNotices = (nodes: readonly NodeEntity[]): string[] =>
  nodes
    .toSorted((a, b) => Number(b.checkedAt) - Number(a.checkedAt))
    .find(({ state }) => state !== 'unhealthy')?.notices ?? [];

const view = (node: NodeEntity, changes: readonly NodeChangeEntity[]): NodeHealth => ({
  node: node.name,
  state: node.state,
  since: node.since.toISOString(),
  checkedAt: node.checkedAt?.toISOString() ?? null,
  checks: node.checks,
  history: changes
    .filter((change) => change.node === node.name)
    .map(({ state, at, reason }) => ({ state, at: at.toISOString(), reason })),
});

/** Current health of a cluster's nodes, and its changes, newest first. */
@Injectable()
export class ClusterHealths {
  constructor(private readonly database: DataSource) {}

  /** 404 for a cluster that is not probed, because it does not exist or is not ready yet. */
  async of(clusterId: string): Promise<ClusterHealth> {
    const nodes = await this.database.manager.find(NodeEntity, {
      where: { clusterId },
      order: { name: 'ASC' },
    });
    if (nodes.length === 0)
      throw notFound(`The cluster ${clusterId} is not probed.`, {
        remedy: 'Probing begins when the cluster is ready: look at GET /clusters/:clusterId.',
      });
    const changes = await this.database.manager.find(NodeChangeEntity, {
      where: { clusterId },
      order: { id: 'DESC' },
    });
    return {
      clusterId,
      state: worst(nodes.map(({ state }) => state)),
      notices: latestNotices(nodes),
      nodes: nodes.map((n) => view(n, changes)),
    };
  }
}
