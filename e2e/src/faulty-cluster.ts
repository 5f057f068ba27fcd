import type { Backup, BackupList, Operation } from '@pgfleet/contracts';
import { Client } from 'pg';
import type { EventListener } from './event-listener';
import { until, untilCluster, type TestPlatform } from './platform';

/** The machine of the object store. */
export const storeMachine = 'objects1';

/** What the specs of backups and restores do with their own cluster. */
export class FaultyCluster {
  private constructor(
    private readonly platform: TestPlatform,
    readonly id: string,
  ) {}

  /** Creates it and waits until it is whole, with its first backup in the repository. */
  static async make(platform: TestPlatform, name: string, userId: string, nodes = 2): Promise<FaultyCluster> {
    const { api } = platform;
    const { id, clusterId } = await api.createCluster({ name, userId, nodes });
    const made = await api.follow(id, 180_000);
    expect(made.error).toBeUndefined();
    const cluster = new FaultyCluster(platform, clusterId ?? '');
    await until(
      () => cluster.backups().catch(() => null),
      (list) => list !== null && list.items.length > 0,
      180_000,
      500,
    );
    await cluster.idle();
    return cluster;
  }

  /** As the customer, through port 5000. */
  async query(sql: string): Promise<Record<string, unknown>[]> {
    const { primaryUri, caCertificate } = await this.platform.api.credentials(this.id);
    const client = new Client({
      connectionString: primaryUri.replace('?sslmode=require', ''),
      ssl: { ca: caCertificate },
    });
    await client.connect();
    try {
      return (await client.query(sql)).rows as Record<string, unknown>[];
    } finally {
      await client.end();
    }
  }

  /** Inserts random rows, which do not compress: a backup of them lasts for seconds. */
  async fill(megabytes: number): Promise<void> {
    await this.query(
      `create table ballast as
         select i, (select string_agg(gen_random_uuid()::text, '') from generate_series(1, 28) where i > 0) as v
         from generate_series(1, ${megabytes * 1000}) i`,
    );
  }

  backups(): Promise<BackupList> {
    return this.platform.api.call<BackupList>('GET', `/clusters/${this.id}/backups`);
  }

  backUp(): Promise<Operation> {
    return this.platform.api.call<Operation>('POST', `/clusters/${this.id}/backups`, { type: 'full' });
  }

  /** The backup that an operation created. It was published once, and the repository lists it. */
  async madeBy(operation: Operation, events: EventListener): Promise<Backup> {
    const { id, state, error } = operation;
    expect({ id, state, error }).toMatchObject({ state: 'succeeded' });
    const { stanza, items } = await this.backups();
    await events.until('backup.succeeded', stanza, 10_000);
    const told = events.of('backup.succeeded', stanza).filter(({ correlationid }) => correlationid === id);
    expect(told).toHaveLength(1);
    const { label } = told[0]?.data.backup as Backup;
    const made = items.find((item) => item.label === label);
    if (!made) throw new Error(`${id} made ${label}, which the store does not show`);
    return made;
  }

  /** Leader and replica, once both are well. */
  async nodes(): Promise<{ leader: string; replica: string }> {
    const { members } = await untilCluster(
      this.platform.api,
      this.id,
      ({ state }) => state === 'ready',
      120_000,
    );
    const leader = members.find(({ role }) => role === 'leader')?.name ?? '';
    return { leader, replica: members.find(({ name }) => name !== leader)?.name ?? '' };
  }

  /** Waits until no operation is pending or running for the cluster. */
  async idle(): Promise<void> {
    await until(
      async () => {
        const path = (state: string) => `/operations?clusterId=${this.id}&state=${state}`;
        const states = await Promise.all(
          ['pending', 'running'].map((state) =>
            this.platform.api.call<{ items: Operation[] }>('GET', path(state)),
          ),
        );
        return states.flatMap(({ items }) => items.map(({ kind }) => kind));
      },
      (kinds) => kinds.length === 0,
      180_000,
      500,
    );
  }

  async remove(): Promise<void> {
    await this.platform.api.deleteCluster(this.id, false).catch(() => undefined);
  }
}
