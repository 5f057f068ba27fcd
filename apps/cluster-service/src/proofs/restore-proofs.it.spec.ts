import type { INestApplication } from '@nestjs/common';
import { jetstream } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import {
  clusterOperations,
  drillFailed,
  eventSubject,
  hasEnded,
  makeEvent,
  newId,
  proveRestore,
  type CloudEvent,
  type Job,
  type Operation,
  type RestoreToProve,
} from '@pgfleet/contracts';
import { eventually, startServices, type Services } from '@pgfleet/integration';
import { connectNats, provision, Requester } from '@pgfleet/messaging';
import { migrate, openDatabase } from '@pgfleet/persistence';
import type { DataSource } from 'typeorm';
import { MACHINE_PROVIDER } from '../machines/cluster-machines';
import { ClusterEntity } from '../persistence/cluster.entity';
import { databaseOptions } from '../persistence/database-options';
import { UserEntity } from '../persistence/user.entity';
import { startRestoreWorld, world } from '../testing/restore-world';
import { startClusterService } from '../testing/spec-service';

process.env.PGFLEET_LOG_LEVEL ||= 'error';

const hostKey = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHf5bVdfGz0l4ZHZr6a0wIuQ2v1mKcZ1uXk0yX8bq0aB';
const reached = { timeline: 2, lsn: '0/5000060', time: '2026-11-23T12:00:00.123456Z' };
const sound = '2026-11-23 12:00:00.000 P00   INFO: verify command end: completed successfully (1ms)\n';
const marks = { rows: { present: ['a'], absent: ['b'] }, transactions: { present: [7], absent: [8] } };
const restoreTo = (target: RestoreToProve['target']): RestoreToProve => ({
  ...{ backupLabel: '20261123-120000F', timeline: 1, target, marks },
});

/** The existing machines. A spec can make the provider fail to take some back. */
const provider = {
  name: 'spec',
  provesPower: false,
  machines: new Set<string>(),
  failures: 0,
  capacity: () => Promise.resolve({ limit: 100, used: 0 }),
  create: ({ name }: { name: string }) => {
    provider.machines.add(name);
    return Promise.resolve({ name });
  },
  get: (name: string) => Promise.resolve({ name, state: 'running', address: '127.0.0.1', hostKey }),
  destroy: (name: string) => {
    if (provider.failures > 0) return Promise.reject(new Error(`away, still ${provider.failures--} times`));
    provider.machines.delete(name);
    return Promise.resolve();
  },
};

describe('proofs of restores', () => {
  let services: Services;
  let nats: NatsConnection;
  let database: DataSource;
  let apps: INestApplication[] = [];
  let requester: Requester;
  const clusterId = newId('clu');
  const stanza = newId('lin');

  beforeAll(async () => {
    services = await startServices({ nats: true, postgres: true, etcd: true });
    nats = await connectNats({ servers: services.nats.url, name: 'spec' });
    await provision(nats);
    const url = await services.postgres.createService('cluster');
    const options = databaseOptions(url, undefined);
    await migrate(options);
    database = await openDatabase(options);
    apps = await startRestoreWorld(services.nats.url);
    apps.push(await startClusterService(services, url, new Map([[MACHINE_PROVIDER, provider]])));
    requester = apps.at(-1)!.get(Requester, { strict: false });
    const userId = newId('usr');
    await database.manager.insert(UserEntity, { id: userId, name: 'Ada', email: null, labels: {} });
    await database.manager.insert(ClusterEntity, {
      ...{ id: clusterId, name: 'orders', userId, description: '', labels: {}, state: 'ready', nodes: 3 },
      ...{ postgresVersion: 17, databaseName: 'app', databaseUser: 'app', stanza, syncStandbys: [] },
      ...{ profile: 'fast', durability: 'async', fencing: true },
    });
  }, 180_000);

  afterAll(async () => {
    for (const app of apps.reverse()) await app.close();
    await database?.destroy();
    await nats?.close();
    await services?.stop();
  }, 60_000);

  beforeEach(() => {
    world.ran.length = 0;
    world.run = (job) => Promise.resolve(machineDoes(job));
  });

  const machineDoes = (job: Job) => {
    if (job.kind === 'playbook') return undefined;
    if (job.argv.includes('verify')) return { exitCode: 0, stdout: sound };
    if (job.argv.includes('recover')) return { exitCode: 0, stdout: `${JSON.stringify(reached)}\n` };
    return job.argv.includes('prove') ? { exitCode: 0, stdout: '{"databases": 3}\n' } : undefined;
  };
  const prove = async (requestedBy: string): Promise<Operation> => {
    const restores = {
      newest: restoreTo({ type: 'lsn', lsn: '0/5000000', inclusive: false }),
      moment: restoreTo({ type: 'time', time: '2026-11-23T12:00:00Z' }),
    };
    return requester.ask(proveRestore, { clusterId, stanza, requestedBy, restores });
  };
  const ended = (operationId: string): Promise<Operation> =>
    eventually(async () => {
      const found = await requester.ask(clusterOperations.get, { operationId });
      if (!found || !hasEnded(found)) throw new Error(`${operationId} is ${found?.state}`);
      return found;
    }, 60_000);
  const gone = () => eventually(() => Promise.resolve(expect(provider.machines.size).toBe(0)), 30_000);
  const told = async (what: string, requestedBy: string): Promise<CloudEvent<Record<string, unknown>>> =>
    eventually(async () => {
      const consumer = await jetstream(nats).consumers.get('EVENTS', {
        filter_subjects: `events.cluster.${clusterId}.proof.${what}`,
      });
      const found: CloudEvent<Record<string, unknown>>[] = [];
      for await (const message of await consumer.fetch({ max_messages: 100, expires: 1000 }))
        found.push(message.json());
      await consumer.delete();
      const event = found.find(({ correlationid }) => correlationid === requestedBy);
      if (!event) throw new Error(`${what} was not said`);
      return event;
    }, 20_000);
  const steps = () => world.ran.map(({ step }) => step);

  it('restores twice on one machine, says what that took, and gives the machine back though its provider is away for a while', async () => {
    provider.failures = 2;
    const requestedBy = newId('op');
    const { id } = await prove(requestedBy);
    expect((await prove(requestedBy)).id).toBe(id);
    expect(await ended(id)).toMatchObject({ kind: 'cluster.proof', state: 'succeeded', clusterId: null });
    expect(steps()).toEqual([
      ...['prepare_machine', 'verify_store', 'restore_newest', 'recover_newest', 'check_newest'],
      ...['begin_again', 'restore_moment', 'recover_moment', 'check_moment'],
    ]);
    const machines = world.ran.map((job) => (job.kind === 'command' ? job.host : job.groups.nodes![0]!).name);
    expect(new Set(machines)).toEqual(new Set([`proof-${id.slice(-12)}`]));
    const proven = { reached, databases: 3, marks, backupLabel: '20261123-120000F' };
    expect((await told('succeeded', requestedBy)).data).toMatchObject({
      restores: {
        newest: { ...proven, target: { type: 'lsn' } },
        moment: { ...proven, target: { type: 'time' } },
      },
    });
    await gone();
  }, 90_000);

  it('fails with what is not sound in the store, when it is so a second time', async () => {
    const damaged = `2026-11-23 12:00:00.000 P01   INFO: invalid checksum '20261123-120000F/bundle/1'\n${sound}`;
    world.run = (job) =>
      Promise.resolve(
        job.kind === 'command' && job.argv.includes('verify')
          ? { exitCode: 0, stdout: damaged }
          : machineDoes(job),
      );
    const requestedBy = newId('op');
    const { id } = await prove(requestedBy);
    expect(await ended(id)).toMatchObject({ state: 'failed', error: { step: 'verify_again' } });
    expect((await told('failed', requestedBy)).data).toMatchObject({
      step: 'verify_again',
      cause: expect.stringContaining("invalid checksum '20261123-120000F/bundle/1'") as string,
    });
    await gone();
    await expect(
      requester.ask(clusterOperations.retry, { operationId: id, idempotency: null }),
    ).rejects.toMatchObject({
      problem: { status: 409 },
    });
  }, 60_000);

  it('fails with what was not sound in the restored data, and gives the machine back', async () => {
    const stderr = 'The restore did not end at its target: the canary row a is missing.';
    world.run = (job) =>
      Promise.resolve(
        job.kind === 'command' && job.argv.includes('prove') ? { exitCode: 1, stderr } : machineDoes(job),
      );
    const requestedBy = newId('op');
    await prove(requestedBy);
    expect((await told('failed', requestedBy)).data.cause).toContain(stderr);
    await gone();
  }, 60_000);

  it('ends with the drill that it is for', async () => {
    let release = () => {};
    const held = new Promise<void>((resolve) => (release = resolve));
    world.run = (job) => (job.step === 'restore_newest' ? held : Promise.resolve(machineDoes(job)));
    const requestedBy = newId('op');
    const { id } = await prove(requestedBy);
    await eventually(() => Promise.resolve(expect(steps()).toContain('restore_newest')), 30_000);
    expect(provider.machines.size).toBe(1);
    const data = { clusterId, stanza, cause: 'The drill was cancelled.', remedy: 'Start another one.' };
    const facts = {
      ...{ id: newId('evt'), service: 'backup-service' as const, subject: stanza },
      correlationId: requestedBy,
    };
    const event = makeEvent(drillFailed, data, facts);
    await jetstream(nats).publish(eventSubject(drillFailed, stanza), JSON.stringify(event));
    expect(await ended(id)).toMatchObject({ state: 'cancelled' });
    await gone();
    release();
  }, 60_000);
});
