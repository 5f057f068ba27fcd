import type { INestApplication } from '@nestjs/common';
import { jetstream } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import {
  backupOperations,
  clusterDeleted,
  clusterReady,
  createStanza,
  deleteStanza,
  eventSubject,
  eventType,
  listBackups,
  newId,
  type CloudEvent,
  type EventContract,
  type EventData,
  type Operation,
} from '@pgfleet/contracts';
import { eventually, startServices, type Services } from '@pgfleet/integration';
import { connectNats, provision, Requester, startService } from '@pgfleet/messaging';
import { migrate } from '@pgfleet/persistence';
import { info, parseInfo } from '@pgfleet/pgbackrest';
import { AppModule } from './app.module';
import { databaseOptions } from './persistence/database-options';
import { ArchivedNode } from './testing/archived-node';
import { node, startSurroundings, world } from './testing/surroundings';

process.env.PGFLEET_LOG_LEVEL ||= 'error';

const clusterId = newId('clu');
const stanza = newId('lin');

/** The service as in production, on real NATS and PostgreSQL; pgBackRest and the PostgreSQL that it archives are real too. */
describe('backup-service', () => {
  let services: Services;
  let leader: ArchivedNode;
  let spec: NatsConnection;
  let apps: INestApplication[] = [];
  let requester: Requester;

  beforeAll(async () => {
    services = await startServices({ nats: true, postgres: true });
    spec = await connectNats({ servers: services.nats.url, name: 'spec' });
    await provision(spec);
    const url = await services.postgres.createService('backup');
    await migrate(databaseOptions(url, undefined));
    leader = await ArchivedNode.start(stanza);
    world.machines.set('n1', leader);
    world.topologies.set(clusterId, {
      clusterId,
      stanza,
      nodes: [node('n1', 'leader'), node('n2', 'replica')],
    });
    const config = {
      PGFLEET_NATS_URL: services.nats.url,
      PGFLEET_DATABASE_URL: url,
      PGFLEET_HTTP_PORT: 0,
      PGFLEET_LOG_LEVEL: 'error' as const,
    };
    apps = await startSurroundings(services.nats.url);
    apps.push(await startService(AppModule.with(config), { service: 'backup-service', httpPort: 0 }));
    requester = apps[0]!.get(Requester, { strict: false });
  }, 180_000);

  afterAll(async () => {
    for (const app of apps.reverse()) await app.close();
    await spec?.close();
    await leader?.stop();
    await services?.stop();
  }, 60_000);

  const publish = async <E extends EventContract>(contract: E, data: EventData<E>): Promise<void> => {
    const id = newId('evt');
    const event = {
      specversion: '1.0',
      id,
      source: '/pgfleet/cluster-service',
      type: eventType(contract),
      subject: clusterId,
      time: new Date().toISOString(),
      datacontenttype: 'application/json',
      data,
    };
    await jetstream(spec).publish(eventSubject(contract, clusterId), JSON.stringify(event), { msgID: id });
  };

  const events = async (filter: string): Promise<CloudEvent<Record<string, unknown>>[]> => {
    const consumer = await jetstream(spec).consumers.get('EVENTS', { filter_subjects: filter });
    const { num_pending: count } = await consumer.info();
    const found: CloudEvent<Record<string, unknown>>[] = [];
    if (count > 0)
      for await (const message of await consumer.fetch({ max_messages: count, expires: 2000 }))
        found.push(message.json());
    await consumer.delete();
    return found;
  };

  const operation = (operationId: string): Promise<Operation | null> =>
    requester.ask(backupOperations.get, { operationId });
  const ended = (operationId: string, withinMs = 30_000): Promise<Operation> =>
    eventually(async () => {
      const found = await operation(operationId);
      if (!found || found.state === 'pending' || found.state === 'running')
        throw new Error(`${operationId} is ${found?.state}`);
      return found;
    }, withinMs);
  const commands = (word: string) => world.ran.filter(({ argv }) => argv.join(' ').includes(word));

  it('waits for a leader, goes to the machine that leads by then, and proves the archive', async () => {
    const requestedBy = newId('op');
    const topology = world.topologies.get(clusterId)!;
    // Nobody leads yet; then etcd still names a machine that has died.
    world.topologies.set(clusterId, { ...topology, nodes: [node('n1', null), node('n2', null)] });
    const { id } = await requester.ask(createStanza, { clusterId, stanza, requestedBy });
    await eventually(async () => expect((await operation(id))?.state).toBe('running'));
    world.topologies.set(clusterId, { ...topology, nodes: [node('n1', 'replica'), node('n2', 'leader')] });
    await eventually(() => expect(commands('stanza-create')).toHaveLength(1));
    world.topologies.set(clusterId, topology);
    expect(await ended(id)).toMatchObject({ kind: 'stanza.create', clusterId, state: 'succeeded' });
    expect(commands('stanza-create').map(({ host }) => host)).toEqual(['n2', 'n1']);
    await eventually(async () => {
      const created = await events(`events.backup.${stanza}.stanza.created`);
      expect(created).toHaveLength(1);
      expect(created[0]).toMatchObject({ correlationid: requestedBy, data: { clusterId, stanza } });
    });
    const { stdout } = await leader.run(info(stanza));
    expect(parseInfo(stdout).walMax).toMatch(/^[0-9A-F]{24}$/);
    // Who asks again, as a step does that is run again, gets the same operation, and nothing is run.
    const again = await requester.ask(createStanza, { clusterId, stanza, requestedBy });
    expect(again).toMatchObject({ id, state: 'succeeded' });
    expect(commands('stanza-create')).toHaveLength(2);
  }, 60_000);

  it('refuses the stanza of another cluster', async () => {
    const other = { clusterId: newId('clu'), stanza, requestedBy: newId('op') };
    await expect(requester.ask(createStanza, other)).rejects.toMatchObject({ problem: { status: 409 } });
  });

  it('lists what the store holds before the first backup', async () => {
    const list = await requester.ask(listBackups, { clusterId });
    expect(list).toMatchObject({ stanza, status: 'no valid backups', items: [] });
    await expect(requester.ask(listBackups, { clusterId: newId('clu') })).rejects.toMatchObject({
      problem: { status: 404 },
    });
  });

  it('makes one full backup when the cluster is ready, and tells of it', async () => {
    await leader.sql('create table t as select generate_series(1, 1000) as n');
    await publish(clusterReady, { clusterId, name: 'orders', stanza });
    await publish(clusterReady, { clusterId, name: 'orders', stanza });
    const succeeded = await eventually(async () => {
      const found = await events(`events.backup.${stanza}.succeeded`);
      expect(found).toHaveLength(1);
      return found[0]!;
    }, 40_000);
    expect(succeeded.data).toMatchObject({ clusterId, stanza, backup: { type: 'full', failed: false } });
    const list = await requester.ask(listBackups, { clusterId });
    expect(list).toMatchObject({ status: 'ok' });
    expect(list.items).toEqual([succeeded.data.backup]);
    const operations = await requester.ask(backupOperations.list, { clusterId });
    expect(operations.items.filter(({ kind }) => kind === 'backup.run')).toHaveLength(1);
    expect(commands('--type=full')).toHaveLength(1);
  }, 60_000);

  it('gives what it last knew, with its time, when no machine answers', async () => {
    const before = await requester.ask(listBackups, { clusterId });
    world.machines.delete('n1');
    await services.postgres.query(
      `update backup.stanza set backups = jsonb_set(backups, '{asOf}', '"2026-01-01T00:00:00.000Z"')`,
    );
    const list = await requester.ask(listBackups, { clusterId }, { timeoutMs: 9_000 });
    expect(list).toEqual({ ...before, asOf: '2026-01-01T00:00:00.000Z' });
    world.machines.set('n1', leader);
    const fresh = await requester.ask(listBackups, { clusterId });
    expect(fresh.items).toEqual(before.items);
    expect(Date.now() - Date.parse(fresh.asOf)).toBeLessThan(5_000);
    // Reads leave no trail: the newest only.
    const reads = await services.postgres.query(`select id from backup.operation where kind = 'backup.list'`);
    expect(reads).toHaveLength(1);
  }, 30_000);

  it('fails with cause and remedy when the archive is not proven, and goes on when it is asked again', async () => {
    const other = { clusterId: newId('clu'), stanza: newId('lin'), requestedBy: newId('op') };
    const topology = { clusterId: other.clusterId, stanza: other.stanza, nodes: [node('n1', 'leader')] };
    world.topologies.set(other.clusterId, topology);
    // The machine's configuration does not know that stanza.
    const { id } = await requester.ask(createStanza, other);
    const failed = await ended(id);
    expect(failed).toMatchObject({ state: 'failed', error: { step: 'create_and_check' } });
    expect(failed.error?.cause).toMatch(/configuration does not know the stanza.*\[037\]/);
    await eventually(async () => {
      const [event] = await events(`events.backup.${other.stanza}.stanza.failed`);
      expect(event).toMatchObject({ correlationid: other.requestedBy, data: { cause: failed.error?.cause } });
    });
    const machine = await ArchivedNode.start(other.stanza);
    try {
      world.machines.set('n3', machine);
      world.topologies.set(other.clusterId, { ...topology, nodes: [node('n3', 'leader')] });
      const again = await requester.ask(createStanza, other);
      expect(again).toMatchObject({ id, state: 'running' });
      expect(await ended(id)).toMatchObject({ state: 'succeeded' });
    } finally {
      await machine.stop();
    }
  }, 90_000);

  it('cancels a backup that runs, then removes the stanza with every backup, once', async () => {
    const requestedBy = newId('op');
    let release = () => {};
    world.hold = new Promise((resolve) => (release = resolve));
    await services.postgres.query(`update backup.stanza set first_backup = null where name = '${stanza}'`);
    await publish(clusterReady, { clusterId, name: 'orders', stanza });
    await eventually(() => expect(commands('--type=full')).toHaveLength(2));
    await expect(requester.ask(deleteStanza, { clusterId, stanza, requestedBy })).rejects.toMatchObject({
      problem: { status: 409, code: 'operation-in-progress' },
    });
    const { id } = await eventually(() => requester.ask(deleteStanza, { clusterId, stanza, requestedBy }));
    release();
    world.hold = null;
    expect(await ended(id)).toMatchObject({ kind: 'stanza.delete', state: 'succeeded' });
    await eventually(async () => {
      const deleted = await events(`events.backup.${stanza}.stanza.deleted`);
      expect(deleted).toMatchObject([{ correlationid: requestedBy }]);
      expect(await events(`events.backup.${stanza}.failed`)).toHaveLength(1);
    });
    await expect(requester.ask(listBackups, { clusterId })).rejects.toMatchObject({
      problem: { status: 404 },
    });
    const { stdout } = await leader.run(info(stanza));
    expect(parseInfo(stdout)).toMatchObject({ exists: false, backups: [] });
    // Another deletion, of what is gone, is done at once.
    const other = await requester.ask(deleteStanza, { clusterId, stanza, requestedBy: newId('op') });
    expect(other).toMatchObject({ state: 'succeeded' });
    await publish(clusterDeleted, { clusterId, name: 'orders', backupsKept: false });
    await eventually(async () => {
      const [row] = await services.postgres.query<{ gone: boolean }>(
        `select cluster_deleted_at is not null as gone from backup.stanza where name = '${stanza}'`,
      );
      expect(row?.gone).toBe(true);
    });
  }, 60_000);
});
