import type { INestApplication } from '@nestjs/common';
import { jetstream } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import {
  clusterOperations,
  confirmRestore,
  createCluster,
  eventSubject,
  getCredentials,
  getHistory,
  hasEnded,
  listLineages,
  newId,
  makeEvent,
  ProblemError,
  releaseLineage,
  restoreCluster,
  revealSecrets,
  rotateCredentials,
  stanzaDeleted,
  undoRestore,
  type CloudEvent,
  type Job,
  type Operation,
  type RestoreTarget,
} from '@pgfleet/contracts';
import { eventually, startServices, type Services } from '@pgfleet/integration';
import { connectNats, provision, Requester } from '@pgfleet/messaging';
import { migrate, openDatabase } from '@pgfleet/persistence';
import { Etcd3 } from 'etcd3';
import type { DataSource } from 'typeorm';
import { Lineages } from '../lineages/lineages';
import { MACHINE_PROVIDER } from '../machines/cluster-machines';
import { ClusterEntity, MachineEntity } from '../persistence/cluster.entity';
import { databaseOptions } from '../persistence/database-options';
import { UserEntity } from '../persistence/user.entity';
import { ClusterSecrets } from '../secrets/cluster-secrets';
import { PatroniKeys } from '../testing/patroni-keys';
import { startRestoreWorld, world } from '../testing/restore-world';
import { startClusterService } from '../testing/spec-service';
import { FirstWrite } from '../verification/first-write';

process.env.PGFLEET_LOG_LEVEL ||= 'error';

const hostKey = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHf5bVdfGz0l4ZHZr6a0wIuQ2v1mKcZ1uXk0yX8bq0aB';
const latest: RestoreTarget = { type: 'latest' };
const reached = { timeline: 2, lsn: '0/5000060', time: '2026-11-23T12:00:00.123456Z' };

/**
 * There are no machines and no PostgreSQL: the spec covers what the service orders from them and how it handles their results.
 */
const noMachines = {
  name: 'spec',
  provesPower: false,
  capacity: () => Promise.resolve({ limit: 100, used: 0 }),
  create: ({ name }: { name: string }) => Promise.resolve({ name }),
  get: (name: string) => Promise.resolve({ name, state: 'running', address: '127.0.0.1', hostKey }),
};
const writesWork = {
  answers: () => Promise.resolve({ inRecovery: false }),
  write: () => Promise.resolve('700'),
  read: () => Promise.resolve(true),
};

describe('restores', () => {
  let services: Services;
  let nats: NatsConnection;
  let etcd: Etcd3;
  let database: DataSource;
  let apps: INestApplication[] = [];
  let requester: Requester;
  const userId = newId('usr');
  const made: PatroniKeys[] = [];

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
      [MACHINE_PROVIDER, noMachines],
      [FirstWrite, writesWork],
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
    world.unreachable = null;
    world.busy = { create_stanza: 0, first_backup: 0 };
    world.ran.length = world.stanzas.length = world.firstBackups.length = 0;
  });

  const come = async (keys: PatroniKeys, leader: string, others: string[], timeline: number) => {
    await keys.primary(leader, timeline, 1000);
    await keys.lead(leader);
    const writable = { timeline, promotedAt: null, since: new Date().toISOString() };
    await keys.report(leader, { writable });
    for (const name of others) await keys.replica(name, timeline);
  };

  /** Plays a cluster's machines: writes what its Patronis and agents would have in etcd after each job. */
  const machinesOf = (
    keys: PatroniKeys,
    names: string[],
    change: (job: Job) => ReturnType<typeof world.run>,
  ) => {
    let timeline = 1;
    const [leader = '', ...others] = names;
    return async (job: Job) => {
      const ran = await change(job);
      if (ran) return ran;
      if (job.kind === 'command') {
        if (job.argv.includes('recover'))
          return { exitCode: 0, stdout: `LOG: …\n${JSON.stringify(reached)}\n` };
        if (!job.argv[0]?.endsWith('/standstill')) return undefined;
        const command = job.argv[1] as 'check' | 'out' | 'stop' | 'resume';
        if (command === 'resume') await come(keys, leader, others, timeline);
        if (command === 'check' || command === 'resume') return undefined;
        await keys.report(leader, { writable: null });
        for (const name of names) await keys.die(name).catch(() => undefined);
        if (command === 'out') await keys.keepLead();
      } else if (job.playbook === 'rebuild_replicas.yml') {
        for (const name of others) await keys.replica(name, timeline);
      } else if (job.step === 'hand_over') {
        timeline += 2;
        await come(keys, leader, [], timeline);
      }
      return undefined;
    };
  };

  const archiveEnded = 'The archive ends before the target: its last transaction was at 12:00.';
  const archiveEnds = (job: Job) =>
    Promise.resolve(
      job.kind === 'command' && job.argv.includes('recover')
        ? { exitCode: 3, stderr: archiveEnded }
        : undefined,
    );

  const aCluster = async () => {
    const id = newId('clu');
    const stanza = newId('lin');
    const names = [1, 2, 3].map((number) => `${id.slice(-12)}-${number}`);
    await database.transaction(async (tx) => {
      await tx.insert(ClusterEntity, {
        ...{
          id,
          name: `c-${id.slice(-12)}`,
          userId,
          description: '',
          labels: {},
          state: 'degraded',
          nodes: 3,
        },
        ...{ postgresVersion: 17, databaseName: 'shop', databaseUser: 'shop', stanza, syncStandbys: [] },
        ...{ profile: 'fast', durability: 'async', fencing: false },
      });
      const place = { clusterId: id, address: '127.0.0.1', hostKey };
      for (const name of names) await tx.insert(MachineEntity, { name, kind: 'node', ...place });
      await tx.insert(MachineEntity, { name: `${id.slice(-12)}-lb`, kind: 'load_balancer', ...place });
      await apps.at(-1)!.get(ClusterSecrets).generate(tx, id);
      await apps.at(-1)!.get(Lineages).announce(tx, stanza, id, null);
    });
    const keys = new PatroniKeys(etcd, id);
    made.push(keys);
    await keys.put('config', { ttl: 20 });
    await keys.put('status', { optime: 99_999_999 });
    await come(keys, names[0]!, names.slice(1), 1);
    await eventually(async () => expect((await row(id)).state).toBe('ready'));
    return { id, stanza, names, keys };
  };
  const row = (id: string) => database.manager.findOneByOrFail(ClusterEntity, { id });
  const ended = (id: string): Promise<Operation> =>
    eventually(async () => {
      const operation = await requester.ask(clusterOperations.get, { operationId: id });
      if (!operation || !hasEnded(operation)) throw new Error(JSON.stringify(operation));
      return operation;
    }, 30_000);
  const restore = async (clusterId: string, target: RestoreTarget = latest) =>
    requester.ask(restoreCluster, { clusterId, request: { target }, idempotency: null });
  const lineages = (clusterId: string) => requester.ask(listLineages, { clusterId });
  const steps = ({ steps }: Operation) =>
    steps.filter(({ state }) => state === 'succeeded').map(({ name }) => name);
  const told = async (clusterId: string): Promise<string[]> => {
    const filter_subjects = `events.cluster.${clusterId}.>`;
    const consumer = await jetstream(nats).consumers.get('EVENTS', { filter_subjects });
    const { num_pending: count } = await consumer.info();
    const types: string[] = [];
    for await (const message of await consumer.fetch({ max_messages: count, expires: 2_000 }))
      types.push(message.json<CloudEvent>().type.replace(/^io\.pgfleet\.cluster\.(.+)\.v1$/, '$1'));
    await consumer.delete();
    return types.filter((type) => /restore|failover/.test(type));
  };
  const problem = (work: Promise<unknown>) =>
    work.then(
      () => null,
      (error: unknown) => (error as ProblemError).problem,
    );

  it('rotates the password on the leader, and returns the new one once it is set', async () => {
    const { id, names } = await aCluster();
    const password = async () => (await requester.ask(getCredentials, { clusterId: id })).password;
    const reveal = () => requester.ask(revealSecrets, { clusterId: id, jobId: newId('job') });
    const before = await password();
    let fails = true;
    let next: string | undefined;
    world.run = async () => {
      next = (await reveal()).customer_next;
      return fails ? { exitCode: 2, stderr: 'no' } : undefined;
    };
    const rotation = await ended(
      (await requester.ask(rotateCredentials, { clusterId: id, idempotency: null })).id,
    );
    expect(rotation.state).toBe('failed');
    expect(await password()).toBe(before);
    fails = false;
    await requester.ask(clusterOperations.retry, { operationId: rotation.id, idempotency: null });
    expect((await ended(rotation.id)).error).toBeUndefined();
    const job = world.ran.at(-1)!;
    expect(job).toMatchObject({ playbook: 'rotate_password.yml', secretsOf: id });
    expect(job.kind === 'playbook' && job.groups.leader?.map(({ name }) => name)).toEqual([names[0]]);
    expect(JSON.stringify(job)).not.toContain(next);
    expect(await password()).toBe(next);
    expect(next).not.toBe(before);
    expect(await reveal()).not.toHaveProperty('customer_next');
  }, 60_000);

  it('takes a cluster back, into a lineage of its own, and undoes that', async () => {
    const { id, stanza, names, keys } = await aCluster();
    world.run = machinesOf(keys, names, () => Promise.resolve());
    const { id: operationId } = await restore(id, { type: 'time', time: '2026-11-23T12:00:00Z' });
    const operation = await ended(operationId);
    expect(operation.error).toBeUndefined();
    expect(steps(operation)).toEqual([
      'check',
      'check_machines',
      'restore',
      'recover',
      'preflight',
      'set_aside',
      'hand_over',
      'create_stanza',
      'first_backup',
      'rebuild_replicas',
      'verify',
    ]);
    const after = await row(id);
    expect(after).toMatchObject({ state: 'ready', leader: names[0], setAside: { operationId, stanza } });
    expect(after.stanza).not.toBe(stanza);
    expect(world.stanzas).toEqual([after.stanza]);
    expect(world.firstBackups).toEqual([after.stanza]);
    const { items } = await lineages(id);
    expect(items.map(({ current }) => current)).toEqual([true, false]);
    expect(items[0]).toMatchObject({ stanza: after.stanza, until: null, from: { stanza, reached } });

    const secrets = await requester.ask(revealSecrets, { clusterId: id, jobId: newId('job') });
    const keysOfLineages = [stanza, after.stanza].map((name) => secrets[`lineage:${name}`]);
    expect(keysOfLineages).toEqual(Array(2).fill(expect.stringMatching(/^\w{32}$/)));
    expect(new Set(keysOfLineages).size).toBe(2);

    const playbooks = world.ran.flatMap((job) => (job.kind === 'playbook' ? [job] : []));
    expect(
      playbooks.map(({ playbook, vars }) => [
        playbook,
        vars.backup_stanza,
        vars.revision,
        vars.restore_source,
        vars.restored_node,
      ]),
    ).toEqual([
      // One node leads before the others are touched.
      ['hand_over.yml', after.stanza, 'r2', undefined, names[0]],
      ['rebuild_replicas.yml', after.stanza, 'r2', undefined, undefined],
    ]);
    const rebuilt = playbooks.at(-1)?.groups;
    expect(rebuilt?.nodes?.map(({ vars }) => vars.patroni_held ?? false)).toEqual([false, true, true]);
    expect(rebuilt?.replicas?.map(({ name }) => name)).toEqual(names.slice(1));
    expect(await etcd.get(`/service/${id}/status`)).toBeNull();
    expect(await etcd.get(`/service/${id}/config`)).not.toBeNull();
    await eventually(async () => expect(await told(id)).toEqual(['restore.started', 'restore.completed']));
    expect((await requester.ask(getHistory, { clusterId: id })).items[0]).toMatchObject({
      leader: names[0],
      origin: 'restore',
      timeline: 3,
      operationId,
    });

    expect(await problem(restore(id))).toMatchObject({
      status: 409,
      detail: expect.stringContaining('neither confirmed nor undone') as string,
    });
    const undone = await ended((await requester.ask(undoRestore, { clusterId: id, idempotency: null })).id);
    expect(undone.error).toBeUndefined();
    // The password from before the undo stays in force.
    const carried = world.ran.filter((job) => job.kind === 'command' && job.argv.includes('carry-over'));
    expect(carried.map(({ step, kind }) => [step, kind])).toEqual([['verify', 'command']]);
    expect(await row(id)).toMatchObject({ state: 'ready', stanza, setAside: null });
    expect((await lineages(id)).items.map(({ current, until }) => [current, until === null])).toEqual([
      [false, false],
      [true, true],
    ]);
    await eventually(async () =>
      expect(await told(id)).toEqual(['restore.started', 'restore.completed', 'restore.undone']),
    );
    expect(await problem(requester.ask(undoRestore, { clusterId: id, idempotency: null }))).toMatchObject({
      status: 409,
    });
  }, 60_000);

  it.each([
    ['another release has configured a node', 1],
    ['a node cannot be reached', 255],
  ])(
    'leaves it to a playbook to make ready when %s',
    async (_, exitCode) => {
      const { id, stanza, names, keys } = await aCluster();
      world.run = machinesOf(keys, names, (job) =>
        Promise.resolve(job.step === 'check_machines' ? { exitCode, stderr: 'no' } : undefined),
      );
      const operation = await ended((await restore(id)).id);
      expect(operation.error).toBeUndefined();
      expect(steps(operation).slice(0, 4)).toEqual([
        'check',
        'check_machines',
        'prepare_machines',
        'restore',
      ]);
      expect(world.ran.find(({ step }) => step === 'prepare_machines')).toMatchObject({
        playbook: 'prepare_restore.yml',
        vars: { restore_source: { stanza, path: `/${stanza}` } },
      });
      await eventually(async () => expect(await told(id)).toEqual(['restore.started', 'restore.completed']));
    },
    60_000,
  );

  it('refuses a target out of reach, naming the nearest, and touches nothing', async () => {
    const { id, names, keys } = await aCluster();
    world.run = machinesOf(keys, names, () => Promise.resolve());
    const nearest = { before: { time: '2026-11-23T12:00:00Z', lsn: '0/5000060' }, after: null };
    world.unreachable = { ok: false, reason: 'The archive ends before it.', nearest };
    expect(await problem(restore(id))).toMatchObject({ status: 422, code: 'target-out-of-reach', nearest });
    expect(world.ran).toEqual([]);
    expect(await row(id)).toMatchObject({ state: 'ready', setAside: null });
  });

  it('waits for what backup-service has to end', async () => {
    const { id, names, keys } = await aCluster();
    world.run = machinesOf(keys, names, () => Promise.resolve());
    world.busy = { create_stanza: 2, first_backup: 2 };
    expect((await ended((await restore(id)).id)).error).toBeUndefined();
    expect(world.busy).toEqual({ create_stanza: 0, first_backup: 0 });
    expect(world.stanzas).toEqual([(await row(id)).stanza]);
    expect(world.firstBackups).toEqual(world.stanzas);
  }, 60_000);

  it('archives the present before it recovers to the end', async () => {
    const { id, names, keys } = await aCluster();
    world.run = machinesOf(keys, names, () => Promise.resolve());
    const operation = await ended((await restore(id)).id);
    expect(operation.error).toBeUndefined();
    expect(steps(operation).slice(2, 6)).toEqual(['restore', 'preflight', 'set_aside', 'recover_to_end']);
    const recovery = world.ran.find((job) => job.kind === 'command' && job.argv.includes('recover'));
    expect(recovery).toMatchObject({ argv: expect.arrayContaining(['in-place']) as string[] });
    expect((await lineages(id)).items[0]).toMatchObject({ from: { reached } });
  }, 60_000);

  it('interrupts nobody when the archive ends before the target', async () => {
    const { id, stanza, names, keys } = await aCluster();
    world.run = machinesOf(keys, names, archiveEnds);
    const { id: operationId } = await restore(id, { type: 'time', time: '2026-11-23T12:00:00Z' });
    expect((await ended(operationId)).error).toMatchObject({
      step: 'recover',
      cause: archiveEnded,
      remedy: expect.stringContaining('earlier target') as string,
    });
    expect(await row(id)).toMatchObject({ state: 'ready', stanza, setAside: null });
    expect((await lineages(id)).items).toHaveLength(1);
    expect(world.ran.map(({ step }) => step)).not.toContain('set_aside');
    const discards = expect.arrayContaining(['discard', operationId]) as string[];
    await eventually(() => expect(world.ran.at(-1)).toMatchObject({ argv: discards }));
    await eventually(async () => expect(await told(id)).toEqual(['restore.started', 'restore.failed']));
  }, 60_000);

  it('returns to what was there when recovery to the end fails', async () => {
    const { id, stanza, names, keys } = await aCluster();
    world.run = machinesOf(keys, names, archiveEnds);
    const operation = await ended((await restore(id)).id);
    expect(operation.error).toMatchObject({
      step: 'start_again',
      cause: `recover_to_end: ${archiveEnded} The cluster serves what was there before.`,
      remedy: expect.stringContaining('earlier target') as string,
    });
    expect(await row(id)).toMatchObject({ state: 'ready', stanza, setAside: null });
    expect((await lineages(id)).items).toHaveLength(1);
    await eventually(async () => expect(await told(id)).toEqual(['restore.started', 'restore.failed']));
    const retried = requester.ask(clusterOperations.retry, { operationId: operation.id, idempotency: null });
    expect(await problem(retried)).toMatchObject({ status: 409 });
  }, 60_000);

  it.each(['failed', 'cancelled'] as const)(
    'goes on serving when the files do not come (%s), and keeps nothing of them',
    async (state) => {
      const { id, stanza, names, keys } = await aCluster();
      let begin = () => {};
      const begun = new Promise<void>((resolve) => (begin = resolve));
      let end = () => {};
      const over = new Promise<void>((resolve) => (end = resolve));
      world.run = machinesOf(keys, names, async (job) => {
        if (job.step !== 'restore') return undefined;
        begin();
        if (state === 'failed') return { exitCode: 38, stderr: 'the store is away' };
        await over;
        return { exitCode: 143, stderr: 'it was told to end' };
      });
      const { id: operationId } = await restore(id);
      await begun;
      if (state === 'cancelled')
        await requester.ask(clusterOperations.cancel, { operationId, idempotency: null });
      expect(await ended(operationId)).toMatchObject({ state });
      end();
      expect(await row(id)).toMatchObject({ state: 'ready', stanza, setAside: null });
      expect((await lineages(id)).items).toHaveLength(1);
      const ran = () => world.ran.flatMap((job) => (job.kind === 'command' ? [job.argv] : []));
      const discards = expect.arrayContaining(['discard', operationId]) as string[];
      await eventually(() => expect(ran().at(-1)).toEqual(discards));
      if (state === 'failed') {
        await eventually(async () => expect(await told(id)).toEqual(['restore.started', 'restore.failed']));
        const retried = requester.ask(clusterOperations.retry, { operationId, idempotency: null });
        expect(await problem(retried)).toMatchObject({ status: 409 });
      }
    },
    60_000,
  );

  it('stays where it is when the restored data do not come up, and is undone from there', async () => {
    const { id, stanza, names, keys } = await aCluster();
    let broken = true;
    world.run = machinesOf(keys, names, (job) =>
      Promise.resolve(job.step === 'hand_over' && broken ? { exitCode: 2, stderr: 'no' } : undefined),
    );
    const operation = await ended((await restore(id)).id);
    expect(operation).toMatchObject({ state: 'failed', error: { step: 'hand_over' } });
    expect(await row(id)).toMatchObject({ state: 'failed' });
    expect(await problem(requester.ask(confirmRestore, { clusterId: id, idempotency: null }))).toMatchObject({
      status: 409,
    });
    broken = false;
    const undone = await ended((await requester.ask(undoRestore, { clusterId: id, idempotency: null })).id);
    expect(undone.error).toBeUndefined();
    expect(await row(id)).toMatchObject({ state: 'ready', stanza, setAside: null });
  }, 60_000);

  /** Jobs of these steps go without those machines; everything else is unchanged. */
  const without =
    (lost: string[], inSteps: string[], machines: typeof world.run): typeof world.run =>
    async (job) =>
      (await machines(job)) ?? (inSteps.includes(job.step) ? { exitCode: 255, lost } : undefined);

  it('interrupts nobody when a machine does not answer right before', async () => {
    const { id, stanza, names, keys } = await aCluster();
    world.run = without(
      [names[2]!],
      ['preflight'],
      machinesOf(keys, names, () => Promise.resolve()),
    );
    const operation = await ended((await restore(id)).id);
    expect(operation.error).toMatchObject({
      step: 'preflight',
      cause: expect.stringContaining(`${names[2]} cannot be reached over ssh`) as string,
    });
    expect(await row(id)).toMatchObject({ state: 'ready', stanza, setAside: null });
    expect(world.ran.map(({ step }) => step)).not.toContain('set_aside');
  }, 60_000);

  it('goes on without a replica whose machine is lost while nobody is served', async () => {
    const { id, stanza, names, keys } = await aCluster();
    const [, kept, lost] = names;
    const machines = machinesOf(keys, [names[0]!, kept!], () => Promise.resolve());
    world.run = without([lost!], ['set_aside'], async (job) => {
      const ran = await machines(job);
      if (job.step === 'set_aside') await keys.die(lost!);
      return ran;
    });
    const operation = await ended((await restore(id)).id);
    expect(operation.error).toBeUndefined();
    expect(await row(id)).toMatchObject({ state: 'degraded', leader: names[0] });
    const after = await row(id);
    expect(after.stanza).not.toBe(stanza);
    const rebuilt = world.ran.find(
      (job) => job.kind === 'playbook' && job.playbook === 'rebuild_replicas.yml',
    );
    expect(rebuilt).toMatchObject({ groups: { replicas: [{ name: kept }] } });
    // Its data belong to the lineage that the cluster left, and etcd tells it so.
    expect(await etcd.get(`/service/${id}/pgfleet/lineage`).string()).toBe(after.stanza);
  }, 60_000);

  it('returns to what was there on the machines that answer', async () => {
    const { id, stanza, names, keys } = await aCluster();
    const [leader, successor, lost] = names;
    const machines = machinesOf(keys, [leader!, successor!], archiveEnds);
    world.run = without([lost!], ['put_back'], async (job) => {
      const ran = await machines(job);
      if (job.step === 'put_back') await keys.die(lost!);
      return ran;
    });
    const operation = await ended((await restore(id)).id);
    expect(operation.error).toMatchObject({ step: 'start_again' });
    expect(await row(id)).toMatchObject({ state: 'degraded', stanza, setAside: null });
    const resumed = world.ran.find((job) => job.kind === 'command' && job.argv.includes('resume'));
    expect(resumed).toMatchObject({ host: { name: leader }, alsoOn: [{ name: successor }] });
    expect(await etcd.get(`/service/${id}/leader`).string()).toBe(leader);
  }, 60_000);

  it.each(['set_aside', 'recover_to_end', 'hand_over'])(
    'serves what was there again when it is cancelled in %s',
    async (step) => {
      const { id, stanza, names, keys } = await aCluster();
      let begin = () => {};
      const begun = new Promise<void>((resolve) => (begin = resolve));
      let end = () => {};
      const over = new Promise<void>((resolve) => (end = resolve));
      const machines = machinesOf(keys, names, async (job) => {
        if (job.step !== step || cancelled) return undefined;
        begin();
        await over;
        return { exitCode: 143, stderr: 'it was told to end' };
      });
      let cancelled = false;
      world.run = machines;
      const { id: operationId } = await restore(id);
      await begun;
      await requester.ask(clusterOperations.cancel, { operationId, idempotency: null });
      expect(await ended(operationId)).toMatchObject({ state: 'cancelled' });
      cancelled = true;
      end();
      const asBefore = { state: 'ready', stanza, setAside: null };
      await eventually(async () => expect(await row(id)).toMatchObject(asBefore), 20_000);
      const kinds = await database.query<{ kind: string; state: string }[]>(
        'select kind, state from operation where cluster_id = $1 order by created_at',
        [id],
      );
      const back = step === 'hand_over' ? 'cluster.restore.undo' : 'cluster.restore.take_back';
      expect(kinds.at(-1)).toMatchObject({ kind: back });
    },
    60_000,
  );

  it('confirms, and can be restored again, from an earlier lineage too', async () => {
    const { id, stanza, names, keys } = await aCluster();
    world.run = machinesOf(keys, names, () => Promise.resolve());
    expect((await ended((await restore(id)).id)).error).toBeUndefined();
    const confirmed = await requester.ask(confirmRestore, { clusterId: id, idempotency: null });
    expect((await ended(confirmed.id)).error).toBeUndefined();
    expect(await row(id)).toMatchObject({ state: 'ready', setAside: null });
    const request = { target: latest, stanza };
    const again = await requester.ask(restoreCluster, { clusterId: id, request, idempotency: null });
    const fromEarlier = await ended(again.id);
    expect(fromEarlier.error).toBeUndefined();
    expect(steps(fromEarlier)).toContain('prepare_machines');
    const { items } = await lineages(id);
    expect(items.map(({ from }) => from?.stanza)).toEqual([stanza, stanza, undefined]);
    const other = newId('lin');
    const unknown = { target: latest, stanza: other };
    expect(
      await problem(requester.ask(restoreCluster, { clusterId: id, request: unknown, idempotency: null })),
    ).toMatchObject({ status: expect.any(Number) as number });
  }, 60_000);

  it('makes a new cluster of a backup, which keeps the source as it is', async () => {
    const source = await aCluster();
    let keys: PatroniKeys | undefined;
    let machines = world.run;
    let reads: Map<string, string> | undefined;
    world.run = async (job) => {
      if (!keys && job.kind === 'playbook' && job.secretsOf) {
        reads = await apps.at(-1)!.get(Lineages).keys(job.secretsOf);
        keys = new PatroniKeys(etcd, job.secretsOf);
        made.push(keys);
        const names = [1, 2].map((number) => `${job.secretsOf!.slice(-12)}-${number}`);
        machines = machinesOf(keys, names, () => Promise.resolve());
      }
      return machines(job);
    };
    const fromBackup = { clusterId: source.id, target: latest };
    const cluster = { name: 'copy', userId, nodes: 2, fromBackup };
    const operation = await ended((await requester.ask(createCluster, { cluster, idempotency: null })).id);
    expect(operation.error).toBeUndefined();
    const copy = await row(operation.clusterId!);
    const ownerOf = (clusterId: string) => apps.at(-1)!.get(Lineages).keys(clusterId);
    expect(new Set(reads?.keys())).toEqual(new Set([source.stanza, copy.stanza]));
    expect(reads?.get(source.stanza)).toBe((await ownerOf(source.id)).get(source.stanza));
    // Nothing is read from there any more.
    expect([...(await ownerOf(copy.id)).keys()]).toEqual([copy.stanza]);
    expect(copy).toMatchObject({ state: 'ready', databaseName: 'shop', databaseUser: 'shop' });
    expect((await lineages(copy.id)).items).toMatchObject([
      { stanza: copy.stanza, current: true, from: { stanza: source.stanza, clusterId: source.id, reached } },
    ]);
    const [first] = world.ran.flatMap((job) => (job.kind === 'playbook' ? [job] : []));
    expect(first?.vars.restore_source).toEqual({ stanza: source.stanza, path: `/${source.stanza}` });
    expect(first?.groups.nodes?.every(({ vars }) => vars.patroni_held === true)).toBe(true);
    expect(await row(source.id)).toMatchObject({ state: 'ready', stanza: source.stanza });
  }, 60_000);

  describe('of what was left', () => {
    const release = (stanza: string, days = 0) => {
      const leftBefore = new Date(Date.now() - days * 24 * 3600_000).toISOString();
      return requester.ask(releaseLineage, { stanza, leftBefore });
    };
    const keeps = async (stanza: string, keptFor: string, days = 0) =>
      expect(await release(stanza, days)).toMatchObject({
        released: false,
        keptFor: expect.stringContaining(keptFor) as string,
      });
    const sayDeleted = async (stanza: string, clusterId: string) => {
      const facts = { id: newId('evt'), service: 'backup-service' as const, subject: stanza };
      const event = makeEvent(stanzaDeleted, { clusterId, stanza }, facts);
      await jetstream(nats).publish(eventSubject(stanzaDeleted, stanza), JSON.stringify(event));
    };

    it('gives up nothing that is written, that can be returned to, or that was left a short while ago', async () => {
      const { id, stanza, names, keys } = await aCluster();
      world.run = machinesOf(keys, names, () => Promise.resolve());
      await keeps(stanza, 'its cluster writes it');
      expect((await ended((await restore(id)).id)).error).toBeUndefined();
      await keeps(stanza, 'set aside');
      expect((await lineages(id)).items.map(({ expiresAt }) => expiresAt)).toEqual([null, null]);
      const confirmed = await requester.ask(confirmRestore, { clusterId: id, idempotency: null });
      expect((await ended(confirmed.id)).error).toBeUndefined();
      await keeps(stanza, 'it was left at', 1);
      const [, left] = (await lineages(id)).items;
      expect(Date.parse(left!.expiresAt!) - Date.parse(left!.until!)).toBe(world.leftDays * 24 * 3600_000);
      expect(await problem(release(newId('lin')))).toMatchObject({ status: 404 });
    }, 60_000);

    it('gives up nothing that is being read; what it has given up nothing is restored from', async () => {
      const { id, stanza, names, keys } = await aCluster();
      world.run = machinesOf(keys, names, () => Promise.resolve());
      expect((await ended((await restore(id)).id)).error).toBeUndefined();
      const confirmed = await requester.ask(confirmRestore, { clusterId: id, idempotency: null });
      expect((await ended(confirmed.id)).error).toBeUndefined();

      let broken = true;
      const machines = world.run;
      world.run = (job) =>
        job.step === 'configure_nodes' && broken
          ? Promise.resolve({ exitCode: 2, stderr: 'no' })
          : machines(job);
      const cluster = { name: 'reader', userId, nodes: 1, fromBackup: { stanza, target: latest } };
      const copy = await requester.ask(createCluster, { cluster, idempotency: null });
      await keeps(stanza, copy.id);
      // It may be retried.
      expect(await ended(copy.id)).toMatchObject({ state: 'failed' });
      await keeps(stanza, copy.id);
      broken = false;
      await database.query('update lineages set until = now() where cluster_id = $1', [copy.clusterId]);

      const given = await release(stanza);
      expect(given).toMatchObject({ released: true, keptFor: null });
      expect(await release(stanza)).toEqual(given);
      const request = { target: latest, stanza };
      const late = requester.ask(restoreCluster, { clusterId: id, request, idempotency: null });
      expect(await problem(late)).toMatchObject({
        status: 404,
        detail: expect.stringContaining('expired') as string,
      });
      const another = { ...cluster, name: 'late' };
      expect(
        await problem(requester.ask(createCluster, { cluster: another, idempotency: null })),
      ).toMatchObject({ status: 404 });
      await sayDeleted(stanza, id);
      await eventually(async () => expect((await lineages(id)).items).toHaveLength(1));
    }, 60_000);

    it('forgets the key of a lineage with it', async () => {
      const { id, stanza } = await aCluster();
      const left = newId('lin');
      await database.transaction(async (tx) => {
        const lineageRows = apps.at(-1)!.get(Lineages);
        await lineageRows.announce(tx, left, id, null);
        await lineageRows.end(tx, await tx.findOneByOrFail(ClusterEntity, { id }), true);
        await tx.update(ClusterEntity, { id }, { deletedAt: new Date() });
      });
      const keyed = async () => [...(await apps.at(-1)!.get(Lineages).keys(id)).keys()].sort();
      expect(await keyed()).toEqual([left, stanza].sort());
      for (const [name, isLast] of [
        [left, false],
        [stanza, true],
      ] as const) {
        expect(await release(name)).toMatchObject({ released: true });
        await sayDeleted(name, id);
        await eventually(async () => expect((await lineages(id)).items).toHaveLength(isLast ? 0 : 1));
        expect(await keyed()).toEqual(isLast ? [] : [stanza]);
      }
    }, 60_000);
  });
});
