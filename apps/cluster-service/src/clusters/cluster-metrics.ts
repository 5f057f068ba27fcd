import { Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { Gauge, register } from 'prom-client';
import { DataSource } from 'typeorm';

const reducedName = 'pgfleet_cluster_durability_reduced';
const patchesName = 'pgfleet_member_patroni_patches';

/** Cluster metrics for Prometheus, read from the database at each scrape. */
@Injectable()
export class ClusterMetrics implements OnApplicationBootstrap, OnApplicationShutdown {
  constructor(private readonly database: DataSource) {}

  onApplicationBootstrap(): void {
    const { database } = this;
    this.forget();
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
    new Gauge({
      name: patchesName,
      help: 'how many of the patches of deploy/patroni the Patroni of a member runs with; 0: it runs as packaged',
      labelNames: ['cluster', 'member', 'version'],
      async collect() {
        const rows = await database.query<
          { cluster: string; member: string; version: string; patches: number }[]
        >(
          `select n.cluster_id as cluster, n.member, n.report->'patroni'->>'version' as version,
             jsonb_array_length(n.report->'patroni'->'patched') as patches
           from node_reports n join clusters c on c.id = n.cluster_id
           where c.deleted_at is null and jsonb_typeof(n.report->'patroni') = 'object'`,
        );
        this.reset();
        for (const { patches, ...labels } of rows) this.set(labels, patches);
      },
    });
  }

  onApplicationShutdown(): void {
    this.forget();
  }

  private forget(): void {
    for (const name of [reducedName, patchesName]) register.removeSingleMetric(name);
  }
}
