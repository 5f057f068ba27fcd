import type { Durability } from '@pgfleet/contracts';
import type { Platform } from '@pgfleet/platform';
import { setTimeout as pause } from 'node:timers/promises';
import { untilStreaming, type Site } from './site';

/** A cluster as the platform creates and runs it. */
export class PgfleetSite implements Site {
  private constructor(
    /** The name of its rows: a cluster whose Patroni runs without patches (docs/decisions/0004) has another. */
    readonly name: string,
    private readonly platform: Platform,
    readonly clusterId: string,
    readonly uri: string,
    readonly host: string,
    readonly nodes: Site['nodes'],
  ) {}

  static async make(platform: Platform, name: string, userId: string): Promise<PgfleetSite> {
    const { id } = await platform.api.createCluster({ name, userId, nodes: 3 });
    const { state, clusterId, error } = await platform.api.follow(id, 300_000);
    if (state !== 'succeeded' || !clusterId)
      throw new Error(`${name} was not made: ${JSON.stringify(error)}`);
    const { primaryUri } = await platform.api.credentials(clusterId);
    const cluster = await platform.api.cluster(clusterId);
    const members = new Set(cluster.members.map(({ name }) => name));
    const isPatched = process.env.PGFLEET_PATRONI_PATCHES !== 'false';
    const site = isPatched ? 'pgfleet' : 'pgfleet, Patroni without patches';
    if (cluster.members.some(({ patroni }) => patroni && patroni.patched.length > 0 !== isPatched))
      throw new Error(`Patroni of ${name} runs ${isPatched ? 'without' : 'with'} patches`);
    const machines = await platform.lab.list();
    const nodes = machines.filter(({ name }) => members.has(name));
    return new PgfleetSite(site, platform, clusterId, primaryUri, new URL(primaryUri).hostname, nodes);
  }

  async switchOver(): Promise<void> {
    await this.done(await this.platform.api.switchover(this.clusterId));
  }

  async set(failover: { fencing?: boolean; durability?: Durability }): Promise<void> {
    await this.whole();
    await this.done(await this.platform.api.updateCluster(this.clusterId, { failover }));
    await this.whole();
  }

  async whole(): Promise<void> {
    await untilStreaming(this);
    const deadline = Date.now() + 120_000;
    for (;;) {
      const { state, operationId } = await this.platform.api.cluster(this.clusterId);
      if (state === 'ready' && operationId === null) return;
      if (Date.now() > deadline) throw new Error(`the platform says that the cluster is ${state}`);
      await pause(250);
    }
  }

  private async done({ id }: { id: string }): Promise<void> {
    const { kind, state, error } = await this.platform.api.follow(id, 240_000);
    if (state !== 'succeeded') throw new Error(`${kind} ${state}: ${JSON.stringify(error)}`);
  }
}
