import type { INestApplication } from '@nestjs/common';
import { jetstream } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import {
  clusterOperations,
  getCluster,
  hasEnded,
  newId,
  replaceMember,
  revealSecrets,
  type CloudEvent,
  type Job,
  type Operation,
} from '@pgfleet/contracts';
import { eventually, startServices, type Services } from '@pgfleet/integration';
import { connectNats, provision, Requester } from '@pgfleet/messaging';
import { migrate, openDatabase } from '@pgfleet/persistence';
import { Etcd3 } from 'etcd3';
import type { DataSource } from 'typeorm';
import { MACHINE_PROVIDER } from '../machines/cluster-machines';
import { ReachableMachines } from '../machines/reachable-machines';
import { ClusterEntity, MachineEntity } from '../persistence/cluster.entity';
import { databaseOptions } from '../persistence/database-options';
import { NodeReportEntity } from '../persistence/leadership.entity';
import { UserEntity } from '../persistence/user.entity';
import { ClusterSecrets } from '../secrets/cluster-secrets';
import { PatroniKeys } from '../testing/patroni-keys';
import { startRestoreWorld, world } from '../testing/restore-world';
import { startClusterService } from '../testing/spec-service';

process.env.PGFLEET_LOG_LEVEL ||= 'error';

const hostKey = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHf5bVdfGz0l4ZHZr6a0wIuQ2v1mKcZ1uXk0yX8bq0aB';

/** A new machine replaces a member. The machines are only names here; etcd with Patroni's keys is real. */
describe('the replacement of a member', () => {
  let services: Services;
  let nats: NatsConnection;
  let etcd: Etcd3;
  let database: DataSource;
  let apps: INestApplication[] = [];
  let requester: Requester;
  const userId = newId('usr');
  const down = new Set<string>();
  const machines = new Set<string>();
  const destroyed: string[] = [];
  let room = 100;
  const made: PatroniKeys[] = [];
  const reachable = {
    of: <M extends { name: string }>(all: M[]) => Promise.resolve(all.filter(({ name }) => !down.has(name))),
  };
  const provider = {
    name: 'spec',
    provesPower: false,
    capacity: () => Promise.resolve({ limit: room, used: 0 }),
    create: ({ name }: { name: string }) => {
      machines.add(name);
      return Promise.resolve({ name });
    },
    get: (name: string) => Promise.resolve({ name, state: 'running', address: '127.0.0.1', hostKey }),
    destroy: (name: string) => {
      machines.delete(name);
      destroyed.push(name);
      return Promise.resolve();
    },
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
    const instead = new Map<unknown, object>([
      [ReachableMachines, reachable],
      [MACHINE_PROVIDER, provider],
    ]);
    apps.push(await startClusterService(services, url, instead));
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
    room = 100;
    destroyed.length = world.ran.length = 0;
    world.run = () => Promise.resolve();
  });

  /** A quorum cluster of three, of which the first node leads. */
  const aCluster = async ({ nodes = 3 } = {}) => {
    const id = newId('clu');
    const short = id.slice(-12);
    const [one, two, three, four] = [1, 2, 3, 4].map((number) => `${short}-${number}`) as [
      string,
      string,
      string,
      string,
    ];
    const names = [one, two, three].slice(0, nodes);
    await database.transaction(async (tx) => {
      await tx.insert(ClusterEntity, {
        ...{ id, name: `c-${short}`, userId, description: '', labels: {}, state: 'ready', nodes },
        ...{ postgresVersion: 17, databaseName: 'app', databaseUser: 'app', stanza: newId('lin') },
        ...{ syncStandbys: [], profile: 'fast', durability: 'quorum', fencing: false },
      });
      const place = { clusterId: id, address: '127.0.0.1', hostKey };
      for (const name of names)
        await tx.insert(MachineEntity, { name, kind: 'node', etcdUser: `${id}_${name.at(-1)}`, ...place });
      await tx.insert(MachineEntity, { name: `${short}-lb`, kind: 'load_balancer', ...place });
      await apps.at(-1)!.get(ClusterSecrets, { strict: false }).generate(tx, id);
    });
    await etcd.role(id).create();
    for (const name of names) await etcd.user(`${id}_${name.at(-1)}`).create('secret');
    const keys = new PatroniKeys(etcd, id);
    made.push(keys);
    await keys.put('config', { ttl: 20, synchronous_mode: 'quorum' });
    await keys.primary(one, 1, 1000);
    await keys.lead(one);
    await keys.report(one, { writable: { timeline: 1, promotedAt: null, since: new Date().toISOString() } });
    for (const name of names.slice(1)) {
      await keys.replica(name, 1);
      await keys.report(name, { follows: one });
    }
    const slots = Object.fromEntries(names.slice(1).map((name) => [name.replace('-', '_'), 1]));
    await keys.put('status', { optime: 1000, slots, retain_slots: Object.keys(slots) });
    await keys.put('sync', { leader: one, sync_standby: names.slice(1).join(',') });
    return { id, keys, one, two, three, four };
  };
  type Made = Awaited<ReturnType<typeof aCluster>>;

  /** Plays Patroni: the new node appears once it is configured, and slots of removed members disappear once they are not kept. */
  const patroniOf = ({ id, keys, one, two, four }: Made) => {
    world.run = async (job: Job) => {
      if (job.kind !== 'playbook' || !String(job.vars.only).includes(four)) return;
      await keys.replica(four, 1);
      await keys.report(four, { follows: one });
      await keys.put('sync', { leader: one, sync_standby: [two, four].join(',') });
    };
    const timer = setInterval(() => {
      void etcd
        .get(`/service/${id}/config`)
        .string()
        .then(async (text) => {
          if ((JSON.parse(text ?? '{}') as { member_slots_ttl?: number }).member_slots_ttl === 0)
            await keys.put('status', {
              optime: 1000,
              slots: { [two.replace('-', '_')]: 1 },
              retain_slots: null,
            });
        });
    }, 100);
    return () => clearInterval(timer);
  };
  const replace = (clusterId: string, member: string, key = newId('op')) =>
    requester.ask(replaceMember, { clusterId, member, idempotency: { key, fingerprint: member } });
  const endOf = (operation: Operation): Promise<Operation> =>
    eventually(async () => {
      const ended = await requester.ask(clusterOperations.get, { operationId: operation.id });
      expect(ended && hasEnded(ended)).toBe(true);
      return ended!;
    }, 30_000);
  const users = async () => (await etcd.getUsers()).map(({ name }) => name);
  const told = async (clusterId: string, what: string) => {
    const consumer = await jetstream(nats).consumers.get('EVENTS', {
      filter_subjects: `events.cluster.${clusterId}.${what}`,
    });
    const { num_pending: count } = await consumer.info();
    const found: unknown[] = [];
    if (count > 0)
      for await (const message of await consumer.fetch({ max_messages: count, expires: 2_000 }))
        found.push(message.json<CloudEvent<unknown>>().data);
    await consumer.delete();
    return found;
  };

  it('puts a new machine in the place of one that is lost for good, and leaves nothing of the old one', async () => {
    const cluster = await aCluster();
    const { id, keys, one, two, three, four } = cluster;
    down.add(three);
    await keys.die(three);
    await keys.put('sync', { leader: one, sync_standby: two });
    await eventually(async () =>
      expect((await requester.ask(getCluster, { clusterId: id })).state).toBe('degraded'),
    );
    const stop = patroniOf(cluster);
    const key = newId('op');
    const operation = await replace(id, three, key);
    expect(operation.kind).toBe('cluster.replace_member');
    // The answer was lost: the same request returns the same operation, whatever a check would find by now.
    expect((await replace(id, three, key)).id).toBe(operation.id);
    await expect(replace(id, two)).rejects.toMatchObject({ problem: { status: 409 } });
    const ended = await endOf(operation);
    stop();
    expect(ended.error).toBeUndefined();

    expect(destroyed).toEqual([three]);
    const rows = await database.manager.findBy(MachineEntity, { clusterId: id, kind: 'node' });
    expect(rows.map(({ name, etcdUser, replaces }) => [name, etcdUser, replaces]).sort()).toEqual([
      [one, `${id}_1`, null],
      [two, `${id}_2`, null],
      [four, `${id}_4`, null],
    ]);
    // If it ever comes back, neither etcd nor the other nodes let it in.
    expect(await users()).toEqual(expect.arrayContaining([`${id}_1`, `${id}_2`, `${id}_4`]));
    expect(await users()).not.toContain(`${id}_3`);
    const secrets = await requester.ask(revealSecrets, { clusterId: id, jobId: newId('job') });
    expect(secrets).toHaveProperty(`etcd:${four}`);
    const left = await etcd.getAll().prefix(`/service/${id}/`).keys();
    expect(left.filter((path) => path.includes(three))).toEqual([]);
    const playbooks = world.ran.flatMap((job) => (job.kind === 'playbook' ? [job] : []));
    expect(playbooks).toHaveLength(2);
    expect(playbooks[1]!.groups.nodes!.map(({ name }) => name).sort()).toEqual([one, two, four]);
    const fresh = playbooks[0]!.groups.nodes!.find(({ name }) => name === four);
    expect(fresh!.vars).toMatchObject({ etcd_user: `${id}_4`, etcd_secret: `etcd:${four}` });
    const config = JSON.parse((await etcd.get(`/service/${id}/config`).string())!) as object;
    expect(config).not.toHaveProperty('member_slots_ttl');
    expect(await etcd.get(`/service/${id}/status`).string()).not.toContain(three.replace('-', '_'));
    expect(await database.manager.findBy(NodeReportEntity, { clusterId: id, member: three })).toEqual([]);
    expect(await told(id, 'member.replaced')).toEqual([
      { clusterId: id, name: `c-${id.slice(-12)}`, from: three, to: four },
    ]);
    const seen = await requester.ask(getCluster, { clusterId: id });
    expect(seen).toMatchObject({ state: 'ready', pendingMachines: [] });
    expect(seen.members.map(({ name }) => name)).toEqual([one, two, four]);
  }, 60_000);

  it('stops a replica that lives before it gives it back, and only when another one streams', async () => {
    const cluster = await aCluster();
    const { id, keys, three } = cluster;
    const stop = patroniOf(cluster);
    const { run } = world;
    world.run = async (job) => {
      if (job.kind === 'command') {
        expect(destroyed).toEqual([]);
        await keys.die(three);
      }
      return run(job);
    };
    const ended = await endOf(await replace(id, three));
    stop();
    expect(ended.error).toBeUndefined();
    const [first, command] = world.ran;
    expect(first).toMatchObject({ kind: 'playbook' });
    const leaving =
      first!.kind === 'playbook' && first!.groups.nodes!.find(({ vars }) => vars.leaving === true);
    expect(leaving).toMatchObject({ name: three });
    expect(command).toMatchObject({ kind: 'command', host: { name: three } });
    expect(destroyed).toEqual([three]);
  }, 60_000);

  it('goes on from where it stopped, with the machine that it has', async () => {
    const cluster = await aCluster();
    const { id, keys, three, four } = cluster;
    down.add(three);
    await keys.die(three);
    down.add(four);
    const failed = await endOf(await replace(id, three));
    expect(failed).toMatchObject({
      state: 'failed',
      error: { step: 'admit', cause: `${four} cannot be reached over ssh.` },
    });
    await expect(replace(id, cluster.two)).rejects.toThrow(
      `the replacement of ${three} by ${four} is not finished`,
    );
    down.delete(four);
    const stop = patroniOf(cluster);
    expect((await endOf(await replace(id, three))).error).toBeUndefined();
    stop();
    expect(machines.has(four)).toBe(true);
    const rows = await database.manager.findBy(MachineEntity, { clusterId: id, kind: 'node' });
    expect(rows).toHaveLength(3);
  }, 90_000);

  it('is refused with the reason and the members where it could lose data', async () => {
    const { id, keys, one, two } = await aCluster();
    const refused = async (member: string, reason: string) =>
      expect(replace(id, member)).rejects.toMatchObject({
        problem: {
          status: 409,
          detail: `No replacement: ${reason}.`,
          members: expect.any(Array) as unknown[],
        },
      });
    await refused('nobody', 'the cluster has no member named nobody');
    await keys.report(two, { lost: { leader: one, since: new Date().toISOString() } });
    await refused(
      one,
      `${one} holds the lead and is not well, and Patroni has not elected another leader yet`,
    );
    await refused(two, `${one} leads and does not take writes`);
    await keys.die(one);
    await refused(one, 'no member leads, so there is nothing to copy from');
    const lonely = await aCluster({ nodes: 1 });
    await expect(replace(lonely.id, lonely.one)).rejects.toThrow(
      /is the only member, nobody else has its data/,
    );
  }, 60_000);
});
