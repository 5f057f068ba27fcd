import {
  backupOperations,
  changeBackupPolicy,
  clusterProofFailed,
  clusterProofSucceeded,
  clusterReady,
  createDrill,
  createStanza,
  getBackup,
  getBackupPolicy,
  listBackups,
  listDrills,
  newId,
  type DrillRequest,
  type ProvenRestores,
} from '@pgfleet/contracts';
import { ArchivingNode, eventually } from '@pgfleet/integration';
import { SpecService } from './testing/spec-service';
import { node, world } from './testing/surroundings';

process.env.PGFLEET_LOG_LEVEL ||= 'error';

const clusterId = newId('clu');
const stanza = newId('lin');

/**
 * Runs two replicas of the service. The repository belongs to a real pgBackRest, with a PostgreSQL that archives. The spec plays
 * cluster-service and says what the restores proved.
 */
describe('drills', () => {
  let service: SpecService;
  let leader: ArchivingNode;

  beforeAll(async () => {
    leader = await ArchivingNode.start(stanza);
    world.machines.set('n1', leader);
    const nodes = [node('n1', 'leader')];
    world.topologies.set(clusterId, { clusterId, state: 'ready', stanza, nodes });
    service = await SpecService.start({ replicas: 2 });
    const { id } = await service.requester.ask(createStanza, { clusterId, stanza, requestedBy: newId('op') });
    await ended(id);
    await service.publish(clusterReady, clusterId, { clusterId, name: 'orders', stanza });
    await eventually(async () => expect(await events('succeeded')).toHaveLength(1), 40_000);
    // pgBackRest keeps whole seconds: a commit in the second in which a backup ends may not be in the window.
    const { items } = await service.requester.ask(listBackups, { clusterId });
    await untilPast(items[0]!.stoppedAt, 1000);
  }, 240_000);

  afterAll(async () => {
    await service?.stop();
    await leader?.stop();
  }, 60_000);

  const events = (what: string) => service.events(`events.backup.${stanza}.${what}`);
  const ended = (operationId: string) => service.ended(operationId, 60_000);
  const begin = (request: DrillRequest = {}) =>
    service.requester.ask(createDrill, { clusterId, request, idempotency: null });

  /** Waits until the database's clock is this long past a moment. */
  const untilPast = (moment: string, afterMs: number) =>
    eventually(async () => {
      const end = `'${moment}'::timestamptz + interval '${afterMs} milliseconds'`;
      expect(await leader.sql(`select clock_timestamp() > ${end}`)).toBe('t');
    });

  let archivedAt = '';
  /** Commits, archives the segment, and passes on the node's report. */
  const archive = async (): Promise<void> => {
    const [lsn = '', xid = '', time = ''] = (
      await leader.sql(`with made as materialized (select pg_logical_emit_message(true, 'spec', 'x') as lsn)
        select lsn, pg_current_xact_id(), to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') from made`)
    ).split('|');
    archivedAt = time;
    const segment = await leader.sql('select pg_walfile_name(pg_switch_wal())');
    await eventually(async () => {
      const archived = await leader.sql('select last_archived_wal from pg_stat_archiver');
      expect(archived >= segment).toBe(true);
    }, 30_000);
    world.sights.set(clusterId, {
      ...{ clusterId, stanza, timelines: [] },
      members: [
        {
          ...{ name: 'n1', role: 'leader', timeline: 1, lsn: null, disk: null },
          archive: {
            ...{ timeline: 1, segmentBytes: 16 * 2 ** 20, segment, commit: { time, lsn, xid: Number(xid) } },
            currentLsn: await leader.sql('select pg_current_wal_lsn()'),
            ...{ failing: null, switchedAt: null, archiveTimeoutSeconds: 40, maxWalBytes: 2 ** 30 },
            at: new Date().toISOString(),
          },
        },
      ],
    });
  };
  /** Archives what the drill has written, and returns the proof that it then requests. */
  const ordered = async (operationId: string) => {
    await eventually(async () => {
      const rows = await leader.sql('select name from pgfleet.canary order by at');
      expect(rows).toBe(`${operationId}/before\n${operationId}/after`);
    }, 30_000);
    await archive();
    return eventually(() => {
      const order = world.proofs.find(({ requestedBy }) => requestedBy === operationId);
      if (!order) throw new Error('nothing was ordered yet');
      return Promise.resolve(order);
    }, 30_000);
  };
  const provenOf = (order: (typeof world.proofs)[number]): ProvenRestores => ({
    newest: {
      ...order.restores.newest,
      reached: { timeline: 2, lsn: '0/5000060', time: null },
      ...{ restoreMs: 2000, recoverMs: 1000, checkMs: 3000, databases: 3 },
    },
    moment: null,
  });

  it('gives a cluster a time for its drills', async () => {
    expect(await service.requester.ask(getBackupPolicy, { clusterId })).toMatchObject({
      drills: '0 4 * * 6',
    });
    const wrong = service.requester.ask(changeBackupPolicy, { clusterId, change: { drills: '61 * * * *' } });
    await expect(wrong).rejects.toMatchObject({ problem: { status: 422, errors: [{ path: '/drills' }] } });
  });

  it('has the newest backup restored to between its canary rows, and says at the backup that it is proven', async () => {
    const { id } = await begin();
    await expect(begin()).rejects.toMatchObject({ problem: { status: 409, operationId: id } });
    const order = await ordered(id);
    const { items } = await service.requester.ask(listBackups, { clusterId });
    expect(order).toMatchObject({
      ...{ clusterId, stanza },
      restores: {
        newest: {
          backupLabel: items[0]!.label,
          timeline: 1,
          target: { type: 'lsn', inclusive: false },
          marks: { rows: { present: [`${id}/before`], absent: [`${id}/after`] } },
        },
      },
    });
    const restores = provenOf(order);
    await service.publish(clusterProofSucceeded, clusterId, { clusterId, stanza, restores }, id);
    expect(await ended(id)).toMatchObject({ kind: 'backup.drill', state: 'succeeded', clusterId: null });
    const drills = await service.requester.ask(listDrills, { clusterId });
    expect(drills.items).toMatchObject([
      {
        ...{ operationId: id, state: 'succeeded' },
        result: { bytes: items[0]!.databaseBytes, bytesPerSecond: Math.round(items[0]!.databaseBytes / 2) },
      },
    ]);
    expect(drills.items[0]!.result!.estimate.databaseBytes).toBeGreaterThan(10_000_000);
    const { label } = items[0]!;
    expect((await service.requester.ask(getBackup, { clusterId, label })).provenBy).toMatchObject({
      operationId: id,
    });
    expect(await events('drill.started')).toHaveLength(1);
    expect((await events('drill.succeeded')).map(({ correlationid }) => correlationid)).toEqual([id]);
    await expect(
      service.requester.ask(backupOperations.retry, { operationId: id, idempotency: null }),
    ).rejects.toMatchObject({
      problem: { status: 409 },
    });
  }, 120_000);

  it('fails when that was not proven, and says why', async () => {
    // The last known commit and the one that this drill adds are far enough apart to have a moment between them.
    await untilPast(archivedAt, 1500);
    const { id } = await begin();
    const { restores } = await ordered(id);
    expect(restores.moment?.marks.transactions).toEqual({
      present: [expect.any(Number)],
      absent: [expect.any(Number)],
    });
    const cause = "The store holds what is not sound: invalid checksum 'bundle/1'";
    const data = { clusterId, stanza, step: 'verify_again', cause, remedy: 'Make a full backup.' };
    await service.publish(clusterProofFailed, clusterId, data, id);
    expect(await ended(id)).toMatchObject({ state: 'failed', error: { cause } });
    expect((await service.requester.ask(listDrills, { clusterId })).items[0]).toMatchObject({
      state: 'failed',
      cause,
    });
    expect((await events('drill.failed')).map((event) => event.data.cause)).toEqual([cause]);
    await expect(
      service.requester.ask(backupOperations.retry, { operationId: id, idempotency: null }),
    ).rejects.toMatchObject({
      problem: { status: 409 },
    });
  }, 120_000);

  it('ends when it is cancelled, and says so to whoever restores', async () => {
    const { id } = await begin();
    await ordered(id);
    await service.requester.ask(backupOperations.cancel, { operationId: id, idempotency: null });
    expect(await ended(id)).toMatchObject({ state: 'cancelled' });
    expect((await events('drill.failed')).at(-1)).toMatchObject({ correlationid: id });
  }, 120_000);

  it('begins what is due once, with two replicas, and never for a moment that is out of reach', async () => {
    const time = '2020-01-01T00:00:00Z';
    await expect(begin({ time })).rejects.toMatchObject({ problem: { status: 422 } });
    const before = (await service.requester.ask(listDrills, { clusterId })).items.length;
    await service.services.postgres.query(
      `update backup.backup_policy set drill_due_at = now() - interval '3 days'`,
    );
    const drills = await eventually(async () => {
      const { items } = await service.requester.ask(listDrills, { clusterId });
      expect(items).toHaveLength(before + 1);
      return items;
    }, 30_000);
    expect(drills[0]).toMatchObject({ state: 'running' });
    const [policy] = await service.services.postgres.query<{ ahead: boolean }>(
      'select drill_due_at > now() as ahead from backup.backup_policy',
    );
    expect(policy).toEqual({ ahead: true });
    await service.requester.ask(backupOperations.cancel, {
      operationId: drills[0]!.operationId,
      idempotency: null,
    });
    await ended(drills[0]!.operationId);
  }, 60_000);
});
