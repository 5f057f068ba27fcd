import {
  backupOperations,
  clusterDeleted,
  clusterReady,
  createStanza,
  deleteStanza,
  listBackups,
  newId,
  type EventContract,
  type EventData,
} from '@pgfleet/contracts';
import { ArchivingNode, eventually } from '@pgfleet/integration';
import { info, parseInfo } from '@pgfleet/pgbackrest';
import { SpecService } from './testing/spec-service';
import { node, world } from './testing/surroundings';

process.env.PGFLEET_LOG_LEVEL ||= 'error';

const clusterId = newId('clu');
const stanza = newId('lin');

/** Runs the service as in production, on real NATS and PostgreSQL. pgBackRest and the PostgreSQL that it archives are real too. */
describe('backup-service', () => {
  let service: SpecService;
  let leader: ArchivingNode;

  beforeAll(async () => {
    leader = await ArchivingNode.start(stanza);
    world.machines.set('n1', leader);
    world.topologies.set(clusterId, {
      clusterId,
      state: 'ready',
      stanza,
      nodes: [node('n1', 'leader'), node('n2', 'replica')],
    });
    service = await SpecService.start();
  }, 180_000);

  afterAll(async () => {
    await service?.stop();
    await leader?.stop();
  }, 60_000);

  const publish = <E extends EventContract>(contract: E, data: EventData<E>) =>
    service.publish(contract, clusterId, data);
  const events = (filter: string) => service.events(filter);
  const operation = (operationId: string) => service.operation(operationId);
  const ended = (operationId: string, withinMs = 30_000) => service.ended(operationId, withinMs);
  const commands = (word: string) => world.ran.filter(({ argv }) => argv.join(' ').includes(word));

  it('waits for a leader, goes to the machine that leads by then, and proves the archive', async () => {
    const requestedBy = newId('op');
    const topology = world.topologies.get(clusterId)!;
    // First there is no leader; then etcd still names a machine that has died.
    world.topologies.set(clusterId, { ...topology, nodes: [node('n1', null), node('n2', null)] });
    const { id } = await service.requester.ask(createStanza, { clusterId, stanza, requestedBy });
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
    // A repeated request, as from a step that runs again, gets the same operation, and no job runs.
    const again = await service.requester.ask(createStanza, { clusterId, stanza, requestedBy });
    expect(again).toMatchObject({ id, state: 'succeeded' });
    expect(commands('stanza-create')).toHaveLength(2);
  }, 60_000);

  it('refuses the stanza of another cluster', async () => {
    const other = { clusterId: newId('clu'), stanza, requestedBy: newId('op') };
    await expect(service.requester.ask(createStanza, other)).rejects.toMatchObject({
      problem: { status: 409 },
    });
  });

  it('lists what the store holds before the first backup', async () => {
    const list = await service.requester.ask(listBackups, { clusterId });
    expect(list).toMatchObject({ stanza, status: 'no valid backups', items: [] });
    await expect(service.requester.ask(listBackups, { clusterId: newId('clu') })).rejects.toMatchObject({
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
    const list = await service.requester.ask(listBackups, { clusterId });
    expect(list).toMatchObject({ status: 'ok' });
    expect(list.items).toEqual([succeeded.data.backup]);
    const operations = await service.requester.ask(backupOperations.list, { clusterId });
    const runs = operations.items.filter(({ kind }) => kind === 'backup.run');
    expect(runs).toHaveLength(1);
    expect(commands('--type=full')).toHaveLength(1);
    // The backup succeeds; expiry and missing WAL are checked afterwards.
    expect(await ended(runs[0]!.id)).toMatchObject({ state: 'succeeded' });
  }, 60_000);

  it('gives what it last knew, with its time, when no machine answers', async () => {
    const before = await service.requester.ask(listBackups, { clusterId });
    world.machines.delete('n1');
    await service.services.postgres.query(
      `update backup.stanza set backups = jsonb_set(backups, '{asOf}', '"2026-01-01T00:00:00.000Z"')`,
    );
    const list = await service.requester.ask(listBackups, { clusterId }, { timeoutMs: 9_000 });
    expect(list).toEqual({ ...before, asOf: '2026-01-01T00:00:00.000Z' });
    world.machines.set('n1', leader);
    const fresh = await service.requester.ask(listBackups, { clusterId });
    expect(fresh.items).toEqual(before.items);
    expect(Date.now() - Date.parse(fresh.asOf)).toBeLessThan(5_000);
    // Only the newest read is kept.
    const reads = await service.services.postgres.query(
      `select id from backup.operation where kind = 'backup.list'`,
    );
    expect(reads).toHaveLength(1);
  }, 30_000);

  it('fails with cause and remedy when the archive is not proven, and goes on when it is asked again', async () => {
    const other = { clusterId: newId('clu'), stanza: newId('lin'), requestedBy: newId('op') };
    const topology = {
      ...{ clusterId: other.clusterId, state: 'creating' as const, stanza: other.stanza },
      nodes: [node('n1', 'leader')],
    };
    world.topologies.set(other.clusterId, topology);
    // The machine's configuration does not know that stanza.
    const { id } = await service.requester.ask(createStanza, other);
    const failed = await ended(id);
    expect(failed).toMatchObject({ state: 'failed', error: { step: 'create_and_check' } });
    expect(failed.error?.cause).toMatch(/configuration does not know the stanza.*\[037\]/);
    await eventually(async () => {
      const [event] = await events(`events.backup.${other.stanza}.stanza.failed`);
      expect(event).toMatchObject({ correlationid: other.requestedBy, data: { cause: failed.error?.cause } });
    });
    const machine = await ArchivingNode.start(other.stanza);
    try {
      world.machines.set('n3', machine);
      world.topologies.set(other.clusterId, { ...topology, nodes: [node('n3', 'leader')] });
      const again = await service.requester.ask(createStanza, other);
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
    await service.services.postgres.query(
      `update backup.stanza set first_backup = null where name = '${stanza}'`,
    );
    await publish(clusterReady, { clusterId, name: 'orders', stanza });
    await eventually(() => expect(commands('--type=full')).toHaveLength(2));
    await expect(
      service.requester.ask(deleteStanza, { clusterId, stanza, requestedBy }),
    ).rejects.toMatchObject({
      problem: { status: 409, code: 'operation-in-progress' },
    });
    const { id } = await eventually(() =>
      service.requester.ask(deleteStanza, { clusterId, stanza, requestedBy }),
    );
    release();
    world.hold = null;
    expect(await ended(id)).toMatchObject({ kind: 'stanza.delete', state: 'succeeded' });
    await eventually(async () => {
      const deleted = await events(`events.backup.${stanza}.stanza.deleted`);
      expect(deleted).toMatchObject([{ correlationid: requestedBy }]);
      expect(await events(`events.backup.${stanza}.failed`)).toHaveLength(1);
    });
    await expect(service.requester.ask(listBackups, { clusterId })).rejects.toMatchObject({
      problem: { status: 404 },
    });
    const { stdout } = await leader.run(info(stanza));
    expect(parseInfo(stdout)).toMatchObject({ exists: false, backups: [] });
    // Deleting a stanza that is already gone succeeds at once.
    const other = await service.requester.ask(deleteStanza, { clusterId, stanza, requestedBy: newId('op') });
    expect(other).toMatchObject({ state: 'succeeded' });
    await publish(clusterDeleted, { clusterId, name: 'orders', backupsKept: false });
    await eventually(async () => {
      const [row] = await service.services.postgres.query<{ gone: boolean }>(
        `select cluster_deleted_at is not null as gone from backup.stanza where name = '${stanza}'`,
      );
      expect(row?.gone).toBe(true);
    });
  }, 60_000);
});
