import { Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { Gauge, register } from 'prom-client';
import { DataSource } from 'typeorm';

const reducedName = 'pgfleet_cluster_durability_reduced';

/** What Prometheus is told of clusters, read from the rows when it asks. */
@Injectable()
export class ClusterMetrics implements OnApplicationBootstrap, OnApplicationShutdown {
  constructor(private readonly database: DataSource) {}

  onApplicationBootstrap(): void {
    const { database } = this;
    register.removeSingleMetric(reducedName);
    new Gauge({
      name: reducedName,
      help: '1 while the leader acknowledges writes alone although the durability of the cluster asks for a replica',
      labelNames: ['cluster'],
      async collect() {
        const rows = await database.query<{ id: string; reduced: boolean }[]>(
          `select c.id, exists (select from reduced_durability r where r.cluster_id = c.id and r.until is null) as reduced
           from clusters c where c.deleted_at is null and c.state in ('ready', 'degraded')`,
        );
        this.reset();
        for (const { id, reduced } of rows) this.set({ cluster: id }, reduced ? 1 : 0);
      },
    });
  }

  onApplicationShutdown(): void {
    register.removeSingleMetric(reducedName);
  }
}
