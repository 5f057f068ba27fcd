import { createServer, type Server, type Socket } from 'node:net';
import { randomInt } from 'node:crypto';
import { Controller, Module, type INestApplication } from '@nestjs/common';
import { jetstream } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { Client } from 'pg';
import { register } from 'prom-client';
import {
  clusterDeleted,
  clusterReady,
  clusterStateChanged,
  eventSubject,
  makeEvent,
  getClusterHealth,
  listProbeTargets,
  newId,
  nodeHealthChanged,
  type CloudEvent,
  type ClusterHealth,
  type EventContract,
  type EventData,
  type NodeHealth,
  type RequestOutput,
} from '@pgfleet/contracts';
import { eventually, startServices, type Services } from '@pgfleet/integration';
import {
  connectNats,
  MessagingModule,
  OnRequest,
  provision,
  Requester,
  startService,
} from '@pgfleet/messaging';
import { migrate } from '@pgfleet/persistence';
import { AppModule } from './app.module';
import type { Config } from './config';
import { databaseOptions } from './persistence/database-options';
import { PatroniCluster } from './testing/patroni-cluster';

process.env.PGFLEET_LOG_LEVEL ||= 'error';

const intervalMs = 1_000;
const clusterId = newId('clu');
const hangingId = newId('clu');
let targets: RequestOutput<typeof listProbeTargets> = [];

@Controller()
class Clusters {
  @OnRequest(listProbeTargets)
  list(): RequestOutput<typeof listProbeTargets> {
    return targets;
  }
}

/** Two replicas of the service on real NATS and PostgreSQL. They probe real Patroni, PgBouncer and PostgreSQL. */
describe('healthcheck-scheduler', () => {
  const prefix = `127.${randomInt(1, 255)}.${randomInt(255)}`;
  let services: Services;
  let cluster: PatroniCluster;
  let spec: NatsConnection;
  const apps: INestApplication[] = [];
  let requester: Requester;
  const hanging: { servers: Server[]; sockets: Set<Socket> } = { servers: [], sockets: new Set() };

  beforeAll(async () => {
    services = await startServices({ nats: true, postgres: true, etcd: true });
    cluster = await PatroniCluster.start(services.etcd.url, prefix);
    spec = await connectNats({ servers: services.nats.url, name: 'spec' });
    await provision(spec);
    const url = await services.postgres.createService('health');
    await migrate(databaseOptions(url, undefined));
    const nats = { servers: services.nats.url };
    @Module({
      imports: [MessagingModule.forRoot({ service: 'cluster-service', nats, database: false })],
      controllers: [Clusters],
    })
    class ClusterService {}
    const config: Config = {
      PGFLEET_NATS_URL: services.nats.url,
      PGFLEET_DATABASE_URL: url,
      PGFLEET_HTTP_PORT: 0,
      PGFLEET_LOG_LEVEL: 'error',
      PGFLEET_CLUSTERS_CA_FILE: cluster.authority,
      PGFLEET_PROBE_INTERVAL_MS: intervalMs,
      PGFLEET_PROBE_TIMEOUT_MS: 800,
      PGFLEET_PROBE_CONCURRENCY: 4,
      PGFLEET_UNHEALTHY_AFTER: 2,
      PGFLEET_HEALTHY_AFTER: 1,
      PGFLEET_MAX_LAG_BYTES: 64 * 1024 * 1024,
      PGFLEET_TARGETS_REFRESH_MS: 60_000,
    };
    apps.push(await startService(ClusterService, { service: 'cluster-service', httpPort: 0 }));
    for (let replica = 0; replica < 2; replica += 1)
      apps.push(
        await startService(AppModule.with(config), { service: 'healthcheck-scheduler', httpPort: 0 }),
      );
    requester = apps[0]!.get(Requester, { strict: false });
  }, 180_000);

  afterAll(async () => {
    for (const app of apps.reverse()) await app.close();
    for (const server of hanging.servers) server.close();
    for (const socket of hanging.sockets) socket.destroy();
    await spec?.close();
    await cluster?.stop();
    await services?.stop();
  }, 60_000);

  const publish = async <E extends EventContract>(contract: E, data: EventData<E>): Promise<void> => {
    const id = newId('evt');
    const event = makeEvent(contract, data, { id, service: 'cluster-service', subject: clusterId });
    await jetstream(spec).publish(eventSubject(contract, clusterId), JSON.stringify(event), { msgID: id });
  };

  /** `<from> → <to>` of every published change of a node. */
  const published = async (node: string): Promise<string[]> => {
    const filter = eventSubject(nodeHealthChanged, node);
    const consumer = await jetstream(spec).consumers.get('EVENTS', { filter_subjects: filter });
    const { num_pending: count } = await consumer.info();
    const found: string[] = [];
    if (count > 0)
      for await (const message of await consumer.fetch({ max_messages: count, expires: 2000 })) {
        const { data } = message.json<CloudEvent<EventData<typeof nodeHealthChanged>>>();
        found.push(`${data.from} → ${data.to}`);
      }
    await consumer.delete();
    return found;
  };

  const health = (id = clusterId): Promise<ClusterHealth> =>
    requester.ask(getClusterHealth, { clusterId: id });
  const nodeHealth = async (name: string): Promise<NodeHealth> =>
    (await health()).nodes.find(({ node }) => node === name)!;
  const probes = async (name: string): Promise<number> => {
    const [row] = await services.postgres.query<{ probe: string }>(
      `select probe from health.node where name = '${name}'`,
    );
    return Number(row?.probe);
  };

  it('does not know a cluster that is not ready', async () => {
    await expect(health()).rejects.toMatchObject({ problem: { status: 404 } });
  });

  it('finds the nodes of a cluster that became ready healthy, by TLS and password, and says so once', async () => {
    const nodes = cluster.nodes.map(({ name, address }) => ({ name, address }));
    targets = [{ clusterId, database: 'postgres', password: PatroniCluster.password, nodes }];
    await publish(clusterReady, { clusterId, name: 'orders', stanza: newId('lin') });
    await eventually(async () => {
      const { state, nodes: seen } = await health();
      const inUse = expect.stringMatching(/^\d+ connections in use$/) as string;
      expect(state).toBe('healthy');
      expect(seen.map(({ node, checks }) => [node, checks.map(({ detail }) => detail)])).toEqual([
        [
          'n1',
          [
            'leader, running on timeline 1',
            'answers, takes writes',
            '1 of 1 replicas stream',
            inUse,
            'not known',
          ],
        ],
        [
          'n2',
          [
            'replica, running on timeline 1',
            'answers, in recovery',
            'streaming, 0 bytes behind',
            inUse,
            'not known',
          ],
        ],
      ]);
    });
    await eventually(async () => expect(await published('n1')).toEqual(['unknown → healthy']));
  });

  it('shares the probes between the replicas: each node once an interval', async () => {
    const before = await probes('n1');
    const began = Date.now();
    await eventually(async () => expect(await probes('n1')).toBeGreaterThanOrEqual(before + 5));
    const rate = ((await probes('n1')) - before) / ((Date.now() - began) / intervalMs);
    expect(rate).toBeLessThan(1.3);
  }, 20_000);

  it('is not delayed by a node that takes connections and never answers', async () => {
    for (const port of [8008, 6432, 6433]) {
      const server = createServer((socket) => {
        hanging.sockets.add(socket.on('error', () => undefined));
      });
      await new Promise<void>((listening) => server.listen(port, `${prefix}.9`, listening));
      hanging.servers.push(server);
    }
    const nodes = Array.from({ length: 3 }, (_, n) => ({ name: `h${n}`, address: `${prefix}.9` }));
    targets = [...targets, { clusterId: hangingId, database: 'postgres', password: 'x', nodes }];
    // As after a restore: a cluster is not probed while it is restored.
    const change = { from: 'restoring', to: 'ready', reason: 'its restore has ended' } as const;
    await publish(clusterStateChanged, { clusterId: hangingId, name: 'hanging', ...change });
    await eventually(async () => expect((await health(hangingId)).state).toBe('unhealthy'));
    const [hung] = (await health(hangingId)).nodes;
    expect(hung?.checks[1]).toMatchObject({ ok: false, detail: expect.stringMatching(/800 ms|too often/) });
    const before = await probes('n1');
    await eventually(async () => expect(await probes('n1')).toBeGreaterThanOrEqual(before + 3), 5_000);
    expect((await health()).state).toBe('healthy');
    targets = targets.filter((target) => target.clusterId !== hangingId);
    await publish(clusterDeleted, { clusterId: hangingId, name: 'hanging', backupsKept: true });
    await eventually(() => expect(health(hangingId)).rejects.toMatchObject({ problem: { status: 404 } }));
  }, 30_000);

  it('calls a node unhealthy after two failed probes, and healthy again, once each', async () => {
    await cluster.nodes[1].kill();
    await eventually(async () => expect((await nodeHealth('n2')).state).toBe('unhealthy'), 15_000);
    await eventually(async () => {
      const leader = await nodeHealth('n1');
      expect(leader.checks[2]).toMatchObject({ ok: false, detail: '0 of 1 replicas stream, not n2' });
    }, 15_000);
    cluster.nodes[1].start();
    await eventually(async () => expect((await health()).state).toBe('healthy'), 30_000);
    const { history } = await nodeHealth('n2');
    expect(history.map(({ state }) => state)).toEqual(['healthy', 'unhealthy', 'healthy']);
    expect(history[1]?.reason).toMatch(/ECONNREFUSED/);
    await eventually(async () =>
      expect(await published('n2')).toEqual([
        'unknown → healthy',
        'healthy → unhealthy',
        'unhealthy → healthy',
      ]),
    );
  }, 60_000);

  it('calls a node saturated, in words, while its pool is full of idle transactions', async () => {
    const connect = async () => {
      const client = new Client({
        ...{ host: `${prefix}.1`, port: 6432, database: 'postgres', user: 'app' },
        ...{ password: PatroniCluster.password, ssl: { ca: cluster.authority } },
      });
      client.on('error', () => undefined);
      await client.connect();
      return client;
    };
    const idlers = [await connect(), await connect()];
    for (const idler of idlers) await idler.query('begin');
    const waiter = await connect();
    const answered = waiter.query('select 1');
    await eventually(async () => expect((await nodeHealth('n1')).state).toBe('saturated'), 20_000);
    const { checks } = await nodeHealth('n1');
    expect(checks.find(({ name }) => name === 'pools')).toMatchObject({
      ok: false,
      detail: expect.stringMatching(
        /^1 client of app waits for a connection to postgres, the longest for \d+ s: all 2 are in use$/,
      ) as string,
    });
    expect((await health()).state).toBe('saturated');
    expect(await register.getSingleMetricAsString('pgfleet_node_saturated')).toMatch(/node="n1".*} 1$/m);
    for (const idler of idlers) await idler.end();
    await answered;
    await waiter.end();
    await eventually(async () => expect((await health()).state).toBe('healthy'), 15_000);
    await eventually(async () =>
      expect((await published('n1')).slice(-2)).toEqual(['healthy → saturated', 'saturated → healthy']),
    );
  }, 60_000);

  it('goes on after its database was away', async () => {
    await services.postgres.kill();
    await services.postgres.start();
    const before = await probes('n1');
    await eventually(async () => expect(await probes('n1')).toBeGreaterThan(before + 1), 15_000);
    await eventually(async () => expect((await health()).state).toBe('healthy'));
  }, 30_000);
});
