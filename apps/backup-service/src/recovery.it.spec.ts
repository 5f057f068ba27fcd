import {
  changeBackupPolicy,
  checkRestoreTarget,
  clusterReady,
  convertWal,
  createBackup,
  createRestorePoint,
  createStanza,
  deleteBackup,
  getBackup,
  getBackupPolicy,
  getRecoveryWindow,
  getWal,
  listBackups,
  listRestorePoints,
  newId,
  type Backup,
  type BackupKind,
  type RestoreTarget,
  type WalSight,
} from '@pgfleet/contracts';
import { ArchivingNode, eventually } from '@pgfleet/integration';
import { SpecService } from './testing/spec-service';
import { node, world } from './testing/surroundings';
import { bytesOf } from './wal/wal-position';

process.env.PGFLEET_LOG_LEVEL ||= 'error';

const clusterId = newId('clu');
const stanza = newId('lin');

/**
 * Runs two replicas of the service on real NATS and PostgreSQL. The repository belongs to a real pgBackRest, with a PostgreSQL
 * that archives.
 */
describe('policies, the window, and what is deleted', () => {
  let service: SpecService;
  let leader: ArchivingNode;

  beforeAll(async () => {
    leader = await ArchivingNode.start(stanza);
    world.machines.set('n1', leader);
    world.topologies.set(clusterId, {
      ...{ clusterId, state: 'ready', stanza },
      nodes: [node('n1', 'leader')],
    });
    service = await SpecService.start({ replicas: 2 });
    const { id } = await service.requester.ask(createStanza, { clusterId, stanza, requestedBy: newId('op') });
    await ended(id);
    await publishReady();
    await eventually(async () => expect(await events('succeeded')).toHaveLength(1), 40_000);
    await idle();
  }, 240_000);

  afterAll(async () => {
    await service?.stop();
    await leader?.stop();
  }, 60_000);

  const publishReady = () => service.publish(clusterReady, clusterId, { clusterId, name: 'orders', stanza });
  const events = (what: string) => service.events(`events.backup.${stanza}.${what}`);
  const ended = (operationId: string) => service.ended(operationId, 60_000);
  const idle = () => service.idle(clusterId);
  const backUp = async (type: BackupKind): Promise<Backup> => {
    const { id } = await service.requester.ask(createBackup, {
      clusterId,
      request: { type },
      idempotency: null,
    });
    const operation = await ended(id);
    expect(operation).toMatchObject({ kind: 'backup.run', state: 'succeeded' });
    return (await events('succeeded')).at(-1)!.data.backup as Backup;
  };
  const check = (target: RestoreTarget) => service.requester.ask(checkRestoreTarget, { stanza, target });
  const refusal = (status: number, detail: RegExp) => ({
    problem: expect.objectContaining({ status, detail: expect.stringMatching(detail) }),
  });

  /** Commits, archives the segment, and passes on the node's report. */
  const commitAndArchive = async (): Promise<{ time: string; lsn: string; xid: number }> => {
    await leader.sql('create table if not exists t (n int)');
    const [lsn = '', xid = '', time = ''] = (
      await leader.sql(`with made as materialized (select pg_logical_emit_message(true, 'spec', 'x') as lsn)
        select lsn, pg_current_xact_id(), to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') from made`)
    ).split('|');
    const segment = await leader.sql('select pg_walfile_name(pg_switch_wal())');
    await eventually(async () => {
      const archived = await leader.sql('select last_archived_wal from pg_stat_archiver');
      expect(archived >= segment).toBe(true);
    }, 30_000);
    const commit = { time, lsn, xid: Number(xid) };
    world.sights.set(clusterId, await sight({ segment, commit }));
    return commit;
  };
  const sight = async (
    archive: Partial<NonNullable<WalSight['members'][number]['archive']>>,
    disk = { bytes: 1000, free: 500 },
  ): Promise<WalSight> => ({
    clusterId,
    stanza,
    timelines: [],
    members: [
      {
        ...{ name: 'n1', role: 'leader', timeline: 1, lsn: null, disk },
        archive: {
          timeline: 1,
          segmentBytes: 16 * 2 ** 20,
          currentLsn: await leader.sql('select pg_current_wal_lsn()'),
          segment: null,
          commit: null,
          failing: null,
          switchedAt: new Date().toISOString(),
          archiveTimeoutSeconds: 60,
          maxWalBytes: 2 ** 30,
          at: new Date().toISOString(),
          ...archive,
        },
      },
    ],
  });

  it('gives a new cluster a policy, and changes it', async () => {
    const policy = await service.requester.ask(getBackupPolicy, { clusterId });
    expect(policy).toMatchObject({
      timeZone: 'UTC',
      retention: { fulls: 2, days: 14, leftDays: 30 },
      next: expect.anything(),
    });
    const change = {
      schedules: { full: null, differential: null, incremental: '0 * * * *' },
      timeZone: 'Asia/Ho_Chi_Minh',
      retention: { days: 7 },
    };
    const changed = await service.requester.ask(changeBackupPolicy, { clusterId, change });
    expect(changed).toMatchObject({
      ...change,
      retention: { fulls: 2, days: 7, leftDays: 30 },
      next: { type: 'incremental' },
    });
    expect(await service.requester.ask(getBackupPolicy, { clusterId })).toEqual(changed);
    const wrong = { schedules: { full: '61 * * * *' }, timeZone: 'Mars/Olympus' };
    await expect(
      service.requester.ask(changeBackupPolicy, { clusterId, change: wrong }),
    ).rejects.toMatchObject({
      problem: { status: 422, errors: [{ path: '/timeZone' }, { path: '/schedules/full' }] },
    });
  });

  it('begins what is due once, with two replicas, and says what was missed while none was there', async () => {
    const before = (await events('succeeded')).length;
    await service.services.postgres.query(
      `update backup.backup_policy set looked_until = now() - interval '190 minutes', due_at = now() - interval '3 hours'`,
    );
    await eventually(async () => expect(await events('missed')).toHaveLength(1), 30_000);
    await idle();
    expect(await events('succeeded')).toHaveLength(before + 1);
    const [missed] = await events('missed');
    expect(missed!.data).toMatchObject({ type: 'incremental', reason: expect.stringMatching(/^Nobody/) });
    expect(missed!.data.times).toBeGreaterThanOrEqual(3);
    const decided = await service.services.postgres.query<{ operation_id: string }>(
      'select operation_id from backup.scheduled_backup',
    );
    expect(decided).toEqual([{ operation_id: missed!.data.operationId }]);
    expect(missed!.correlationid).toBe(missed!.data.operationId);
    // Nothing is left to do for any replica.
    const [policy] = await service.services.postgres.query<{ ahead: boolean }>(
      'select due_at > now() as ahead from backup.backup_policy',
    );
    expect(policy).toEqual({ ahead: true });
  }, 90_000);

  it('waits with what is due for the backup that runs', async () => {
    let release = () => {};
    world.hold = new Promise((resolve) => (release = resolve));
    const { id } = await service.requester.ask(createBackup, {
      clusterId,
      request: { type: 'incremental' },
      idempotency: null,
    });
    await service.services.postgres.query(
      `update backup.backup_policy set looked_until = now() - interval '61 minutes', due_at = now()`,
    );
    await eventually(async () => {
      const held = await service.services.postgres.query('select held_up_by from backup.backup_policy');
      expect(held).toEqual([{ held_up_by: id }]);
    }, 20_000);
    await expect(
      service.requester.ask(createBackup, { clusterId, request: { type: 'full' }, idempotency: null }),
    ).rejects.toMatchObject({ problem: { status: 409, operationId: id } });
    release();
    world.hold = null;
    await ended(id);
    // The spec has moved back the time up to which everything was decided; to match that, nothing may have been decided since then.
    await service.services.postgres.query('delete from backup.scheduled_backup');
    await service.services.postgres.query('update backup.backup_policy set due_at = now()');
    await eventually(async () => {
      const decided = await service.services.postgres.query('select from backup.scheduled_backup');
      expect(decided).toHaveLength(1);
    }, 20_000);
    await idle();
  }, 120_000);

  it('begins nothing while the cluster is being restored, and refuses what is asked for', async () => {
    const topology = world.topologies.get(clusterId)!;
    world.topologies.set(clusterId, { ...topology, state: 'restoring' });
    await service.services.postgres.query('delete from backup.scheduled_backup');
    await service.services.postgres.query(
      `update backup.backup_policy set looked_until = now() - interval '61 minutes', due_at = now()`,
    );
    await eventually(async () => {
      const held = await service.services.postgres.query('select held_up_by from backup.backup_policy');
      expect(held).toEqual([{ held_up_by: 'restoring' }]);
    }, 20_000);
    await expect(
      service.requester.ask(createBackup, { clusterId, request: { type: 'full' }, idempotency: null }),
    ).rejects.toMatchObject(refusal(409, /is being restored/));
    // The restore has ended in another lineage, which still needs its first backup.
    const newer = newId('lin');
    await service.services.postgres.query(
      `insert into backup.stanza (name, cluster_id, state) values ('${newer}', '${clusterId}', 'ready')`,
    );
    world.topologies.set(clusterId, { ...topology, stanza: newer });
    await service.services.postgres.query('update backup.backup_policy set due_at = now()');
    await eventually(async () => {
      const held = await service.services.postgres.query('select held_up_by from backup.backup_policy');
      expect(held).toEqual([{ held_up_by: 'without a backup of its new lineage' }]);
    }, 20_000);
    expect(await service.services.postgres.query('select from backup.scheduled_backup')).toHaveLength(0);
    const missed = (await events('missed')).length;
    world.topologies.set(clusterId, topology);
    await service.services.postgres.query('update backup.backup_policy set due_at = now()');
    await eventually(async () => {
      const decided = await service.services.postgres.query('select from backup.scheduled_backup');
      expect(decided).toHaveLength(1);
    }, 20_000);
    expect((await events('missed')).slice(missed).map(({ data }) => data.reason)).toEqual([
      'The cluster was without a backup of its new lineage.',
    ]);
    await idle();
    await service.services.postgres.query(`delete from backup.stanza where name = '${newer}'`);
  }, 90_000);

  it('tells the window, to the last commit that is archived', async () => {
    const commit = await commitAndArchive();
    const window = await service.requester.ask(getRecoveryWindow, { clusterId });
    const { items } = await service.requester.ask(listBackups, { clusterId });
    const oldest = items.at(-1)!;
    expect(window).toMatchObject({
      stanza,
      timeline: 1,
      earliest: { lsn: oldest.lsnStop, time: new Date(Date.parse(oldest.stoppedAt) + 1000).toISOString() },
      latest: { lsn: commit.lsn, time: commit.time },
      gaps: [],
      gapsCheckedAt: expect.anything(),
      archive: { failing: null, stalledSince: null },
    });
    expect(window.archive.lagSeconds).toBeLessThan(60);
    expect(await check({ type: 'latest' })).toMatchObject({
      ok: true,
      backupLabel: items[0]!.label,
      timeline: 1,
    });
    expect(await check({ type: 'time', time: commit.time })).toMatchObject({
      ok: true,
      target: { type: 'lsn', lsn: commit.lsn },
    });
    expect(await check({ type: 'time', time: '2020-01-01T00:00:00Z' })).toMatchObject({
      ok: false,
      nearest: { before: null, after: window.earliest },
    });
    expect(
      await service.requester.ask(checkRestoreTarget, {
        stanza,
        target: { type: 'backup', label: oldest.label },
      }),
    ).toMatchObject({
      ok: true,
      backupLabel: oldest.label,
    });
    // A target is checked without a trip to the repository, however old the known list of backups is.
    await service.services.postgres.query(
      `update backup.stanza set backups = jsonb_set(backups, '{asOf}', '"2026-01-01T00:00:00.000Z"') where name = '${stanza}'`,
    );
    const ran = world.ran.length;
    expect(await check({ type: 'latest' })).toMatchObject({ ok: true, backupLabel: items[0]!.label });
    expect(world.ran).toHaveLength(ran);
    const wal = await service.requester.ask(getWal, { clusterId });
    expect(wal).toMatchObject({ members: [{ name: 'n1', lagBytes: 0 }], segmentBytes: 16777216 });
    expect(wal.advice.map(({ setting }) => setting)).toEqual(['archive_timeout']);
    const place = await service.requester.ask(convertWal, { clusterId, place: { lsn: commit.lsn } });
    expect(place).toMatchObject({ time: { notBefore: commit.time, notAfter: commit.time }, archived: true });
    expect(await service.requester.ask(convertWal, { clusterId, place: { time: commit.time } })).toEqual(
      place,
    );
    for (const nothing of [{}, { lsn: commit.lsn, time: commit.time }])
      await expect(service.requester.ask(convertWal, { clusterId, place: nothing })).rejects.toMatchObject(
        refusal(400, /one of/),
      );
  }, 90_000);

  it('follows the cluster to another lineage and back, and remembers where it was', async () => {
    const topology = world.topologies.get(clusterId)!;
    const newer = newId('lin');
    const list = await service.requester.ask(listBackups, { clusterId });
    const kept = { ...list, items: [], asOf: new Date(Date.now() + 60_000).toISOString() };
    await service.services.postgres.query(
      `insert into backup.stanza (name, cluster_id, state, backups) values ('${newer}', '${clusterId}', 'ready', '${JSON.stringify(kept)}')`,
    );
    const count = async () => (await service.requester.ask(listBackups, { clusterId })).items.length;
    // The newest of the cluster's lineages is not the one that it archives to: a restore was undone.
    expect(await count()).toBe(list.items.length);
    expect((await service.requester.ask(getRecoveryWindow, { clusterId })).stanza).toBe(stanza);
    world.topologies.set(clusterId, { ...topology, stanza: newer });
    expect(await count()).toBe(0);
    // The machines have no access to the lineage that was left, and the known backups are enough for a target.
    const old = { stanza, target: { type: 'backup', label: list.items[0]!.label } } as const;
    await service.services.postgres.query(
      `update backup.stanza set backups = jsonb_set(backups, '{asOf}', '"2026-01-01T00:00:00.000Z"') where name = '${stanza}'`,
    );
    const reads = world.ran.length;
    expect(await service.requester.ask(checkRestoreTarget, old)).toMatchObject({ ok: true, stanza });
    expect(world.ran).toHaveLength(reads);
    // No answer on the cluster any more: it is deleted, or cluster-service does not answer.
    world.topologies.delete(clusterId);
    expect(await count()).toBe(0);
    world.topologies.set(clusterId, topology);
    expect(await count()).toBe(list.items.length);
    world.topologies.delete(clusterId);
    expect(await count()).toBe(list.items.length);
    world.topologies.set(clusterId, topology);
    await service.services.postgres.query(`delete from backup.stanza where name = '${newer}'`);
  }, 60_000);

  it('names a moment, once, and finds it when it is archived', async () => {
    const restorePoint = { name: 'before-release-42' };
    const { id } = await service.requester.ask(createRestorePoint, {
      clusterId,
      restorePoint,
      idempotency: null,
    });
    expect(await ended(id)).toMatchObject({ state: 'succeeded' });
    const { items } = await service.requester.ask(listRestorePoints, { clusterId });
    expect(items).toMatchObject([{ ...restorePoint, stanza, timeline: 1 }]);
    expect(Math.abs(Date.parse(items[0]!.time) - Date.now())).toBeLessThan(30_000);
    expect(await check({ type: 'name', ...restorePoint })).toMatchObject({ ok: false });
    await commitAndArchive();
    expect(await check({ type: 'name', ...restorePoint })).toMatchObject({ ok: true, exact: true });
    await expect(
      service.requester.ask(createRestorePoint, { clusterId, restorePoint, idempotency: null }),
    ).rejects.toMatchObject(refusal(409, /already/));
    expect(await events('restore.point.made')).toHaveLength(1);
  }, 90_000);

  it('tells of an archive that stalls and of a disk that fills, once, and when both are over', async () => {
    const said = world.sights.get(clusterId)!.members[0]!.archive!;
    const failing = { segment: '000000010000000000000FFF', since: new Date().toISOString() };
    const { segment, commit } = said;
    world.sights.set(clusterId, await sight({ segment, commit, failing }, { bytes: 1000, free: 100 }));
    await eventually(async () => expect(await events('wal.filling')).toHaveLength(1), 20_000);
    await service.services.postgres.query(
      `update backup.archive_watch set advanced_at = now() - interval '121 seconds'`,
    );
    await eventually(async () => expect(await events('archive.stalled')).toHaveLength(1), 20_000);
    expect((await service.requester.ask(getRecoveryWindow, { clusterId })).archive).toMatchObject({
      failing,
      stalledSince: expect.anything(),
    });
    await commitAndArchive();
    await eventually(async () => {
      expect(await events('archive.recovered')).toHaveLength(1);
      expect(await events('wal.drained')).toHaveLength(1);
    }, 20_000);
    expect(await events('archive.stalled')).toHaveLength(1);
    expect(await events('wal.filling')).toHaveLength(1);
  }, 120_000);

  it('deletes a backup with what needs it, and never the last full one', async () => {
    await service.requester.ask(changeBackupPolicy, {
      clusterId,
      change: { retention: { fulls: 9 }, schedules: { incremental: null } },
    });
    const { items } = await service.requester.ask(listBackups, { clusterId });
    const first = items.at(-1)!;
    const others = items.slice(0, -1).map(({ label }) => label);
    await expect(
      service.requester.ask(deleteBackup, { clusterId, label: first.label, cascade: true }),
    ).rejects.toMatchObject(refusal(409, /last full backup/));
    const second = await backUp('full');
    const differential = await backUp('differential');
    expect(differential).toMatchObject({ type: 'diff', dependsOn: [second.label] });
    await expect(
      service.requester.ask(deleteBackup, { clusterId, label: first.label, cascade: false }),
    ).rejects.toMatchObject({
      problem: { status: 409, dependents: [...others].reverse() },
    });
    const { id } = await service.requester.ask(deleteBackup, {
      clusterId,
      label: first.label,
      cascade: true,
    });
    expect(await ended(id)).toMatchObject({ kind: 'backup.delete', state: 'succeeded' });
    const left = await service.requester.ask(listBackups, { clusterId });
    expect(left.items.map(({ label }) => label)).toEqual([differential.label, second.label]);
    const [deleted] = await events('deleted');
    expect(new Set(deleted!.data.labels as string[])).toEqual(new Set(items.map(({ label }) => label)));
    await expect(service.requester.ask(getBackup, { clusterId, label: first.label })).rejects.toMatchObject(
      refusal(404, /no backup/),
    );
    expect(await service.requester.ask(getBackup, { clusterId, label: second.label })).toMatchObject({
      provenBy: null,
    });
  }, 180_000);

  it('keeps what the policy says, and the WAL that belongs to it', async () => {
    await service.requester.ask(changeBackupPolicy, {
      clusterId,
      change: { retention: { fulls: 1, days: 0 } },
    });
    const full = await backUp('full');
    const { items, walMin } = await service.requester.ask(listBackups, { clusterId });
    expect(items.map(({ label }) => label)).toEqual([full.label]);
    expect(walMin).toBe(full.walStart);
  }, 120_000);

  it('finds a gap in the archive, and says that it is over with the next backup', async () => {
    const before = await commitAndArchive();
    await commitAndArchive();
    const lost = world.sights.get(clusterId)!.members[0]!.archive!.segment!;
    await commitAndArchive();
    await leader.run(['sh', '-c', `rm /srv/repo/archive/${stanza}/*/*/${lost}-*`]);
    const next = await backUp('incremental');
    const [gap] = await events('wal.gap.found');
    expect(gap!.data).toMatchObject({ missing: { first: lost, last: lost }, until: next.lsnStop });
    const window = await service.requester.ask(getRecoveryWindow, { clusterId });
    expect(window.gaps).toMatchObject([
      { missing: { first: lost, last: lost }, until: { lsn: next.lsnStop } },
    ]);
    // Of commits within seconds of each other not all are kept: this is the last known one.
    const { from } = window.gaps[0]!;
    expect(bytesOf(from!.lsn)).toBeLessThanOrEqual(bytesOf(before.lsn));
    const inGap = world.sights.get(clusterId)!.members[0]!.archive!.commit!.lsn;
    expect(await check({ type: 'lsn', lsn: inGap })).toMatchObject({ ok: false, nearest: { before: from } });
    expect(await check({ type: 'latest' })).toMatchObject({ ok: true, backupLabel: next.label });
  }, 120_000);

  it('ends what works for a lineage that the cluster has left', async () => {
    let release = () => {};
    world.hold = new Promise((resolve) => (release = resolve));
    const request = { type: 'incremental' as const };
    const { id } = await service.requester.ask(createBackup, { clusterId, request, idempotency: null });
    await eventually(() => expect(world.ran.at(-1)!.argv.join(' ')).toContain('--type=incr'));
    const order = { clusterId, stanza: newId('lin'), requestedBy: newId('op') };
    await expect(service.requester.ask(createStanza, order)).rejects.toMatchObject({
      problem: { status: 409, code: 'operation-in-progress', operationId: id },
    });
    release();
    world.hold = null;
    const making = await eventually(() => service.requester.ask(createStanza, order), 30_000);
    expect(making).toMatchObject({ kind: 'stanza.create' });
    expect(await ended(id)).toMatchObject({ state: 'cancelled' });
    // The spec's machine knows only one lineage.
    expect(await ended(making.id)).toMatchObject({ state: 'failed' });
  }, 90_000);
});
