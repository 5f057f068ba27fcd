import { Injectable } from '@nestjs/common';
import type { ClusterHistory } from '@pgfleet/contracts';
import { DataSource } from 'typeorm';
import { ClusterRows } from '../clusters/cluster-rows';
import { LeadershipEntity } from '../persistence/leadership.entity';
import { ReducedDurabilityEntity } from '../persistence/reduced-durability.entity';
import { mergedHistory } from './merged-history';

/** A cluster's past leaders. */
@Injectable()
export class ClusterHistories {
  constructor(
    private readonly database: DataSource,
    private readonly rows: ClusterRows,
  ) {}

  async of(clusterId: string): Promise<ClusterHistory> {
    const cluster = await this.rows.find(this.database.manager, clusterId);
    const leaderships = await this.database.manager.find(LeadershipEntity, {
      where: { clusterId },
      order: { seq: 'ASC' },
    });
    const reduced = await this.database.manager.find(ReducedDurabilityEntity, {
      where: { clusterId },
      order: { since: 'DESC' },
    });
    return {
      clusterId,
      items: mergedHistory(leaderships, cluster.patroniHistory ?? []),
      reducedDurability: reduced.map(({ since, until, configured, leader }) => ({
        ...{ since: since.toISOString(), until: until?.toISOString() ?? null, configured, leader },
      })),
    };
  }
}
