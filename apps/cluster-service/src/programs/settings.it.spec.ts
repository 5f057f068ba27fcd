import type { INestApplication } from '@nestjs/common';
import type { NatsConnection } from '@nats-io/transport-node';
import {
  clusterOperations,
  getCluster,
  hasEnded,
  newId,
  updateCluster,
  type FailoverChange,
  type Job,
  type Operation,
} from '@pgfleet/contracts';
import { eventually, startServices, type Services } from '@pgfleet/integration';
import { connectNats, provision, Requester } from '@pgfleet/messaging';
import { migrate, openDatabase } from '@pgfleet/persistence';
import { Etcd3 } from 'etcd3';
import type { DataSource } from 'typeorm';
import { ReachableMachines } from '../machines/reachable-machines';
import { ClusterEntity, MachineEntity } from '../persistence/cluster.entity';
import { databaseOptions } from '../persistence/database-options';
import { UserEntity } from '../persistence/user.entity';
import { ClusterSecrets } from '../secrets/cluster-secrets';
import { PatroniKeys } from '../testing/patroni-keys';
import { startRestoreWorld, world } from '../testing/restore-world';
import { startClusterService } from '../testing/spec-service';

process.env.PGFLEET_LOG_LEVEL ||= 'error';

const hostKey = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHf5bVdfGz0l4ZHZr6a0wIuQ2v1mKcZ1uXk0yX8bq0aB';

/**
 * Settings of a cluster change while some of its machines are down. The machines are only names here; Patroni's keys are real.
 */
describe('settings while a machine is down', () => {
  let services: Services;
  let nats: NatsConnection;
  let etcd: Etcd3;
  let database: DataSource;
  let apps: INestApplication[] = [];
  let requester: Requester;
  const userId = newId('usr');
  const down = new Set<string>();
  const made: PatroniKeys[] = [];
  const reachable = {
    of: <M extends { name: string }>(machines: M[]) =>
      Promise.resolve(machines.filter(({ name }) => !down.has(name))),
  };

  beforeAll(async () => {
    services = await startServices({ nats: true, postgres: true, etcd: true });
    nats = await connectNats({ servers: services.nats.url, name: 'spec' });
    await provision(nats);
    const url = await services.postgres.createService('cluster');
    const options = databaseOptions(url, undefined);
    await migrate(options);
    database = await openDatabase(options);
    etcd = new Etcd3({ hosts: services.etcd.url });
    apps = await startRestoreWorld(services.nats.url);
    apps.push(
      await startClusterService(services, url, new Map<unknown, object>([[ReachableMachines, reachable]])),
    );
    requester = apps.at(-1)!.get(Requester, { strict: false });
    await database.manager.insert(UserEntity, { id: userId, name: 'Ada', email: null, labels: {} });
  }, 180_000);

  afterAll(async () => {
    for (const app of apps.reverse()) await app.close();
    for (const keys of made) await keys.end().catch(() => undefined);
    etcd?.close();
    await database?.destroy();
    await nats?.close();
    await services?.stop();
  }, 60_000);

  beforeEach(() => {
    down.clear();
    world.ran.length = 0;
    world.run = () => Promise.resolve();
  });

  /** A strict-sync cluster of a leader and one replica. */
  const aCluster = async () => {
    const id = newId('clu');
    const short = id.slice(-12);
    const [one, two, lb] = [`${short}-1`, `${short}-2`, `${short}-lb`];
    await database.transaction(async (tx) => {
      await tx.insert(ClusterEntity, {
        ...{ id, name: `c-${short}`, userId, description: '', labels: {}, state: 'ready', nodes: 2 },
        ...{ postgresVersion: 17, databaseName: 'app', databaseUser: 'app', stanza: newId('lin') },
        ...{ syncStandbys: [], profile: 'fast', durability: 'strict-sync', fencing: false },
      });
      const place = { clusterId: id, address: '127.0.0.1', hostKey };
      for (const name of [one, two]) await tx.insert(MachineEntity, { name, kind: 'node', ...place });
      await tx.insert(MachineEntity, { name: lb, kind: 'load_balancer', ...place });
      await apps.at(-1)!.get(ClusterSecrets, { strict: false }).generate(tx, id);
    });
    const keys = new PatroniKeys(etcd, id);
    made.push(keys);
    await keys.put('config', { ttl: 20, synchronous_mode: true, synchronous_mode_strict: true });
    await keys.primary(one, 1, 1000);
    await keys.lead(one);
    await keys.replica(two, 1);
    await keys.put('sync', { leader: one, sync_standby: two });
    return { id, keys, one, two, lb };
  };
  const config = async (id: string) =>
    JSON.parse((await etcd.get(`/service/${id}/config`).string()) ?? '{}') as Record<string, unknown>;
  const change = (clusterId: string, failover: FailoverChange) =>
    requester.ask(updateCluster, { clusterId, change: { failover } });
  const endOf = (operation: Operation): Promise<Operation> =>
    eventually(async () => {
      const ended = await requester.ask(clusterOperations.get, { operationId: operation.id });
      expect(ended && hasEnded(ended)).toBe(true);
      return ended!;
    }, 20_000);
  const playbooks = () =>
    world.ran.flatMap((job: Job) => (job.kind === 'playbook' ? [job.vars.only as string] : []));
  const pending = async (clusterId: string) =>
    (await requester.ask(getCluster, { clusterId })).pendingMachines;

  it('releases a strict-sync cluster that lost its replica, and configures the machine when it returns', async () => {
    const { id, keys, one, two, lb } = await aCluster();
    down.add(two);
    await keys.die(two);
    await keys.put('sync', { leader: one, sync_standby: null });
    const configWhenTheJobRan: Record<string, unknown>[] = [];
    world.run = async () => void configWhenTheJobRan.push(await config(id));
    const ended = await endOf(await change(id, { durability: 'sync' }));
    expect(ended.error).toBeUndefined();
    expect(playbooks()).toEqual([`${one}:${lb}`]);
    // The change that releases the writes came before anything that needs a machine.
    expect(configWhenTheJobRan[0]).toMatchObject({ synchronous_mode: true, synchronous_mode_strict: false });
    expect(await pending(id)).toEqual([two]);
    expect(ended.steps.find(({ name }) => name === 'settle')?.state).toBe('succeeded');

    down.delete(two);
    await eventually(async () => expect(playbooks()).toEqual([`${one}:${lb}`, two]), 20_000);
    await eventually(async () => expect(await pending(id)).toEqual([]), 10_000);
  }, 60_000);

  it('goes on with the others when a machine turns out to be unreachable only when it is configured', async () => {
    const { id, two } = await aCluster();
    let first = true;
    world.run = async () => {
      if (!first) return;
      first = false;
      return { exitCode: 4, stderr: 'Failed to connect to the host via ssh', host: two };
    };
    const ended = await endOf(await change(id, { profile: 'standard' }));
    expect(ended.error).toBeUndefined();
    expect(playbooks()).toHaveLength(2);
    expect(playbooks()[1]).not.toContain(two);
  }, 60_000);

  it('waits longer each time for a machine that answers and lets nobody in', async () => {
    const { id, two } = await aCluster();
    world.run = (job) => {
      const only = job.kind === 'playbook' ? String(job.vars.only) : '';
      const refused = { exitCode: 4, stderr: 'Failed to connect to the host via ssh', host: two };
      return Promise.resolve(only.includes(two) ? refused : undefined);
    };
    expect((await endOf(await change(id, { profile: 'standard' }))).error).toBeUndefined();
    const failures = async () =>
      database.query<{ failures: number; waits: boolean }[]>(
        'select pending_failures as failures, pending_retry_at > now() as waits from machines where name = $1',
        [two],
      );
    await eventually(async () => expect(await failures()).toEqual([{ failures: 1, waits: true }]), 20_000);
  }, 60_000);
});
