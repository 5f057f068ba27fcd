import { Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { Gauge, register } from 'prom-client';
import { DataSource } from 'typeorm';
import { NodeEntity } from '../persistence/node.entity';

const name = 'pgfleet_node_saturated';

/** Reads the database on every scrape, so that all replicas of the service report the same values. */
@Injectable()
export class HealthMetrics implements OnApplicationBootstrap, OnApplicationShutdown {
  constructor(private readonly database: DataSource) {}

  onApplicationBootstrap(): void {
    const { database } = this;
    register.removeSingleMetric(name);
    new Gauge({
      name,
      help: '1 while clients of a node wait for seconds because every connection of a pool is in use.',
      labelNames: ['cluster', 'node'],
      async collect() {
        this.reset();
        const saturated = await database.manager.findBy(NodeEntity, { state: 'saturated' });
        for (const { clusterId: cluster, name: node } of saturated) this.set({ cluster, node }, 1);
      },
    });
  }

  onApplicationShutdown(): void {
    register.removeSingleMetric(name);
  }
}
