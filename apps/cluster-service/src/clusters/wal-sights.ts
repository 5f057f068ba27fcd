import { Injectable } from '@nestjs/common';
import type { RequestOutput, listWalSights } from '@pgfleet/contracts';
import { DataSource, In, IsNull } from 'typeorm';
import { ClusterEntity } from '../persistence/cluster.entity';
import { ClusterRows } from './cluster-rows';
import { walSightOf } from './wal-sight';

/** What etcd holds about the WAL of clusters: positions from Patroni, archive and disk from the nodes' agents. */
@Injectable()
export class WalSights {
  constructor(
    private readonly database: DataSource,
    private readonly rows: ClusterRows,
  ) {}

  async list(clusterId: string | undefined): Promise<RequestOutput<typeof listWalSights>> {
    const tx = this.database.manager;
    if (clusterId !== undefined) return [walSightOf(await this.rows.partsOf(tx, clusterId))];
    const clusters = await tx.findBy(ClusterEntity, {
      state: In(['ready', 'degraded']),
      deletedAt: IsNull(),
    });
    return (await this.rows.parts(tx, clusters)).map(walSightOf);
  }
}
