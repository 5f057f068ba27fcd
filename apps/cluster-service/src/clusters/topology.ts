import { Injectable } from '@nestjs/common';
import type { getTopology, listProbeTargets, RequestOutput } from '@pgfleet/contracts';
import { DataSource, In, IsNull } from 'typeorm';
import { ClusterEntity, MachineEntity } from '../persistence/cluster.entity';
import { ClusterSecrets } from '../secrets/cluster-secrets';
import { platformDatabase } from '../verification/platform-login';
import { ClusterRows } from './cluster-rows';
import { roleOf } from './cluster-view';

/** Answers other services that need to reach the machines of clusters. */
@Injectable()
export class ClusterTopology {
  constructor(
    private readonly database: DataSource,
    private readonly rows: ClusterRows,
    private readonly secrets: ClusterSecrets,
  ) {}

  async of(clusterId: string): Promise<RequestOutput<typeof getTopology>> {
    const { cluster, machines, members } = await this.rows.partsOf(this.database.manager, clusterId);
    const nodes = machines
      .filter(({ kind }) => kind === 'node')
      .map(({ name, address, hostKey }) => {
        const member = members.find((candidate) => candidate.name === name);
        return {
          name,
          address,
          hostKey,
          user: 'root',
          role: member ? roleOf(cluster, name) : null,
          state: member?.state ?? null,
        };
      });
    return { clusterId, state: cluster.state, stanza: cluster.stanza, nodes };
  }

  /**
   * Only clusters that serve: nothing probes a cluster while it is being created or deleted. Probes use the platform's database.
   */
  async probeTargets(): Promise<RequestOutput<typeof listProbeTargets>> {
    const clusters = await this.database.manager.findBy(ClusterEntity, {
      state: In(['ready', 'degraded']),
      deletedAt: IsNull(),
    });
    return Promise.all(
      clusters.map(async ({ id: clusterId, databaseName, databaseUser }) => ({
        clusterId,
        database: platformDatabase,
        customer: { database: databaseName, user: databaseUser },
        password: (await this.secrets.reveal(clusterId)).monitor,
        nodes: (await this.database.manager.findBy(MachineEntity, { clusterId, kind: 'node' })).map(
          ({ name, address }) => ({
            name,
            address,
          }),
        ),
      })),
    );
  }
}
