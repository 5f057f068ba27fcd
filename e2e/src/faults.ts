import type { Backup, BackupList, LogEntry, Operation } from '@pgfleet/contracts';
import { Client } from 'pg';
import type { EventListener } from './event-listener';
import { until, untilCluster, type TestPlatform } from './platform';

type Page = { items: LogEntry[]; next: number | null };

/** Everything that the operation has said so far. */
export async function logOf({ api }: TestPlatform, operationId: string): Promise<string[]> {
  const lines: string[] = [];
  let after: number | null = 0;
  while (after !== null) {
    const page: Page = await api.call<Page>(
      'GET',
      `/operations/${operationId}/log?limit=1000${after ? `&after=${after}` : ''}`,
    );
    lines.push(...page.items.map(({ line }) => line));
    after = page.next;
  }
  return lines;
}

/** Waits until the operation has said something; fails when it ends without. */
export async function untilSaid(
  platform: TestPlatform,
  operationId: string,
  what: RegExp,
  withinMs: number,
): Promise<void> {
  const { said, state, lines } = await until(
    async () => {
      const { state } = await platform.api.operation(operationId);
      const lines = await logOf(platform, operationId);
      return { said: lines.some((line) => what.test(line)), state, lines: lines.slice(-5) };
    },
    (sight) => sight.said || !['pending', 'running'].includes(sight.state),
    withinMs,
    50,
  );
  if (!said || state !== 'running')
    throw new Error(`${operationId} is ${state}, ${String(what)} was to be said; last: ${lines.join(' | ')}`);
}

/** Follows an operation through everything that is done to it, and shows that it began once and ended once. */
export async function endsOnce(
  platform: TestPlatform,
  events: EventListener,
  operationId: string,
  withinMs: number,
): Promise<Operation> {
  const ended = await platform.api.follow(operationId, withinMs);
  await events.until(`operation.${ended.state}`, operationId, 30_000);
  const ends = ['succeeded', 'failed', 'cancelled'].flatMap((end) =>
    events.of(`operation.${end}`, operationId),
  );
  expect(ends.map(({ name }) => name)).toEqual([`operation.${ended.state}`]);
  expect(events.of('operation.created', operationId)).toHaveLength(1);
  return ended;
}

/** What specs of backups and restores do with a cluster of their own. */
export class FaultyCluster {
  private constructor(
    private readonly platform: TestPlatform,
    readonly id: string,
  ) {}

  /** Two nodes, whole, with their first backup in the store. */
  static async make(platform: TestPlatform, name: string, userId: string): Promise<FaultyCluster> {
    const { api } = platform;
    const { id, clusterId } = await api.createCluster({ name, userId, nodes: 2 });
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

  /** Random rows, which no compression makes less: a backup of them lasts for seconds. */
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

  /** The backup that an operation made, which was told of once, and which the store shows. */
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

  /** Waits until nothing is done for the cluster any more. */
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
