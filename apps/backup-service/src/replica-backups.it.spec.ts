import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import {
  backupOperations,
  changeBackupPolicy,
  createBackup,
  createStanza,
  getBackupPolicy,
  listBackups,
  newId,
  type Backup,
} from '@pgfleet/contracts';
import { ArchivingNode, eventually, StreamingReplica } from '@pgfleet/integration';
import { SpecService } from './testing/spec-service';
import { node, world } from './testing/surroundings';

process.env.PGFLEET_LOG_LEVEL ||= 'error';

const clusterId = newId('clu');
const stanza = newId('lin');
const lock = `lock/${stanza}-backup-1.lock`;

/** A leader, a replica that streams from it and pgBackRest's server between them, all real; the service runs as in production. */
describe('backups from a replica', () => {
  let service: SpecService;
  let leader: ArchivingNode;
  let replica: StreamingReplica;

  beforeAll(async () => {
    leader = await ArchivingNode.start(stanza);
    replica = await StreamingReplica.of(leader);
    world.machines.set('n1', leader);
    world.machines.set('n2', replica);
    streaming();
    service = await SpecService.start();
    const requestedBy = newId('op');
    // The service has only just started to listen.
    const { id } = await eventually(() =>
      service.requester.ask(createStanza, { clusterId, stanza, requestedBy }),
    );
    expect(await ended(id)).toMatchObject({ state: 'succeeded' });
  }, 240_000);

  afterAll(async () => {
    await service?.stop();
    await leader?.stop();
  }, 60_000);

  const streaming = (state = 'streaming') =>
    world.topologies.set(clusterId, {
      ...{ clusterId, state: 'ready', stanza },
      nodes: [node('n1', 'leader'), { ...node('n2', 'sync_standby'), state }],
    });
  const ended = (operationId: string) => service.ended(operationId, 150_000);
  const begin = async (): Promise<string> => {
    const request = { type: 'full' as const };
    return (await service.requester.ask(createBackup, { clusterId, request, idempotency: null })).id;
  };
  const newest = async (): Promise<Backup | undefined> => {
    await service.services.postgres.query('update backup.stanza set backups = null');
    return (await service.requester.ask(listBackups, { clusterId }, { timeoutMs: 9_000 })).items[0];
  };
  const backUp = async (): Promise<Backup | undefined> => {
    expect(await ended(await begin())).toMatchObject({ state: 'succeeded' });
    return newest();
  };
  /** The machines on which a backup was attempted since the last look. */
  let looked = 0;
  const tried = (): string[] => {
    const ran = world.ran.slice(looked);
    looked = world.ran.length;
    return ran.filter(({ argv }) => argv.join(' ').includes('--type=full')).map(({ host }) => host);
  };
  const locks = (): boolean[] =>
    ['', 'replica'].map((folder) => existsSync(join(leader.folder, folder, lock)));

  it('reads the files on a replica, and says so on the backup', async () => {
    expect(await backUp()).toMatchObject({ member: 'n2', from: 'replica', insteadOfReplica: null });
    expect(tried()).toEqual(['n2']);
  }, 120_000);

  it('takes a replica that no commit waits for where there is one', async () => {
    const topology = world.topologies.get(clusterId)!;
    const asynchronous = { ...node('n3', 'replica'), state: 'streaming' };
    world.topologies.set(clusterId, { ...topology, nodes: [...topology.nodes, asynchronous] });
    world.machines.set('n3', replica);
    expect(await backUp()).toMatchObject({ member: 'n3', from: 'replica' });
    expect(tried()).toEqual(['n3']);
    streaming();
  }, 120_000);

  it('makes it on the leader when no replica streams', async () => {
    streaming('running');
    expect(await backUp()).toMatchObject({
      ...{ member: 'n1', from: 'leader' },
      insteadOfReplica: 'no replica streams from the leader',
    });
    expect(tried()).toEqual(['n1']);
    streaming();
  }, 120_000);

  it('makes it on the leader when the policy says so, and from a replica again', async () => {
    expect(
      await service.requester.ask(changeBackupPolicy, { clusterId, change: { from: 'leader' } }),
    ).toMatchObject({
      from: 'leader',
    });
    expect(await backUp()).toMatchObject({ member: 'n1', from: 'leader', insteadOfReplica: null });
    expect(tried()).toEqual(['n1']);
    await service.requester.ask(changeBackupPolicy, { clusterId, change: { from: 'replica' } });
    expect(await service.requester.ask(getBackupPolicy, { clusterId })).toMatchObject({ from: 'replica' });
  }, 120_000);

  it('goes on to the leader when PostgreSQL of the replica is gone, with the reason', async () => {
    await replica.stopServer();
    expect(await backUp()).toMatchObject({
      ...{ member: 'n1', from: 'leader' },
      insteadOfReplica: expect.stringMatching(/^n2: \[DbConnectError\] unable to connect/),
    });
    expect(tried()).toEqual(['n2', 'n1']);
    await replica.startServer();
  }, 120_000);

  describe('of a database that takes seconds to copy', () => {
    beforeAll(async () => {
      await leader.sql(
        `create table big as select g, md5(g::text) || md5((g + 1)::text) || md5((g + 2)::text) from generate_series(1, 2500000) g`,
      );
    }, 120_000);

    /** Both ends hold their lock, and files are being copied. */
    const midway = () =>
      eventually(() => {
        expect(locks()).toEqual([true, true]);
        // The copy of the manifest exists from the start, the manifest itself only at the end.
        const backups = join(leader.folder, 'repo/backup', stanza);
        const has = (label: string, file: string) => existsSync(join(backups, label, file));
        const begun = readdirSync(backups).filter((label) => has(label, 'backup.manifest.copy'));
        expect(begun.filter((label) => !has(label, 'backup.manifest'))).toHaveLength(1);
      }, 60_000);

    it('leaves no lock and nothing in the way when it is cancelled in the middle', async () => {
      const before = await newest();
      const id = await begin();
      await midway();
      await service.requester.ask(backupOperations.cancel, { operationId: id, idempotency: null });
      expect(await ended(id)).toMatchObject({ state: 'cancelled' });
      await eventually(() => expect(locks()).toEqual([false, false]), 10_000);
      expect(await leader.sql(`select count(*) from pg_stat_activity where query ~ 'pg_backup_start'`)).toBe(
        '1',
      );
      expect(await newest()).toEqual(before);
      tried();
      expect(await backUp()).toMatchObject({ member: 'n2', from: 'replica' });
      expect(tried()).toEqual(['n2']);
    }, 180_000);

    it('goes on to the leader when the connection to it breaks in the middle', async () => {
      const id = await begin();
      await midway();
      await replica.stopBackupServer();
      expect(await ended(id)).toMatchObject({ state: 'succeeded' });
      expect(await newest()).toMatchObject({
        ...{ member: 'n1', from: 'leader' },
        insteadOfReplica: expect.stringContaining('n2: ['),
      });
      expect(tried()).toEqual(['n2', 'n1']);
    }, 180_000);

    it('asks the leader before it begins, and goes on to it when there is no answer', async () => {
      const { insteadOfReplica } = (await backUp()) ?? {};
      expect(insteadOfReplica).toMatch(/\[049\]: unable to connect to/);
      expect(tried()).toEqual(['n2', 'n1']);
      await replica.startBackupServer();
    }, 180_000);
  });
});
