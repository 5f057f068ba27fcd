import { existsSync } from 'node:fs';
import { join } from 'node:path';
import {
  changeBackupPolicy,
  checkRestoreTarget,
  clusterDeleted,
  clusterReady,
  createStanza,
  getBackupPolicy,
  newId,
} from '@pgfleet/contracts';
import { ArchivingNode, eventually } from '@pgfleet/integration';
import { SpecService } from './testing/spec-service';
import { node, world } from './testing/surroundings';

process.env.PGFLEET_LOG_LEVEL ||= 'error';

const dayMs = 24 * 3600_000;
const clusterId = newId('clu');
/** The cluster has left the first lineage for the second. */
const [left, written] = [newId('lin'), newId('lin')];
const daysAgo = (days: number) => new Date(Date.now() - days * dayMs).toISOString();
const kept = (leftAt: string | null, keptFor: string) => ({ released: false, leftAt, keptFor });
const released = (leftAt: string) => ({ released: true, leftAt, keptFor: null });

/** Checks what happens to lineages that no cluster writes any more. pgBackRest and its deletions are real. The repository is a folder. */
describe('lineages that were left', () => {
  let service: SpecService;
  let machine: ArchivingNode;

  const inStore = (argv: string[]) =>
    argv.map((word) => word.replaceAll('--repo1-path=/', '--repo1-path=/srv/stores/'));
  const isInStore = (stanza: string) =>
    ['archive', 'backup'].map((part) => existsSync(join(machine.folder, 'stores', stanza, part, stanza)));
  const topology = (id: string, stanza: string) => ({
    ...{ clusterId: id, state: 'ready' as const, stanza },
    nodes: [node('n1', 'leader')],
  });
  const deletions = (stanza: string) =>
    world.ran.filter(({ argv }) => argv.join(' ').includes(`--stanza=${stanza} `) && isDeletion(argv));
  const isDeletion = (argv: string[]) => argv.join(' ').endsWith('stanza-delete');
  const asked = (stanza: string) => world.askedToRelease.filter((order) => order.stanza === stanza);
  /** Makes the next check of the lineage due now. */
  const look = (stanza: string) =>
    service.services.postgres.query(
      `update backup.stanza set expiry_due_at = now() where name = '${stanza}'`,
    );
  const row = async (stanza: string) => {
    const [found] = await service.services.postgres.query<{ state: string; due: Date | null }>(
      `select state, expiry_due_at as due from backup.stanza where name = '${stanza}'`,
    );
    return found;
  };
  const events = (stanza: string, what: string) => service.events(`events.backup.${stanza}.${what}`);
  const isGone = async (stanza: string) => {
    await eventually(async () => expect(await events(stanza, 'stanza.deleted')).toHaveLength(1), 30_000);
    expect(isInStore(stanza)).toEqual([false, false]);
    expect(await row(stanza)).toMatchObject({ state: 'deleted', due: null });
  };
  /** Creates a stanza in its own folder of the repository, as another lineage of the machine. */
  const makeInStore = (stanza: string) =>
    machine.must([
      ...['pgbackrest', `--stanza=${stanza}`, `--repo1-path=/srv/stores/${stanza}`],
      ...['--pg1-path=/srv/data', '--pg1-socket-path=/srv', 'stanza-create'],
    ]);
  /** Registers the lineage with the service, as if the service had created it. */
  const know = (stanza: string, id: string) =>
    service.services.postgres.query(
      `insert into backup.stanza (name, cluster_id, state) values ('${stanza}', '${id}', 'ready')`,
    );

  beforeAll(async () => {
    machine = await ArchivingNode.start(written);
    world.machines.set('n1', { run: (argv, stop) => machine.run(inStore(argv), stop) });
    service = await SpecService.start({ replicas: 2 });
    await makeInStore(left);
    await know(left, clusterId);
    world.topologies.set(clusterId, topology(clusterId, written));
    const thirty = daysAgo(20);
    world.releases.set(left, kept(thirty, `it was left at ${thirty}`));
  }, 180_000);

  afterAll(async () => {
    await service?.stop();
    await machine?.stop();
  }, 60_000);

  it('are asked about when the next one begins, and kept for as long as the policy says', async () => {
    const order = { clusterId, stanza: written, requestedBy: newId('op') };
    const { id } = await service.requester.ask(createStanza, order);
    expect(await service.ended(id, 30_000)).toMatchObject({ state: 'succeeded' });
    await service.publish(clusterReady, clusterId, { clusterId, name: 'orders', stanza: written });
    await eventually(
      async () => expect((await row(left))?.due?.getTime()).toBeGreaterThan(Date.now()),
      20_000,
    );
    // Left 20 days ago, kept for 30.
    expect((await row(left))!.due!.getTime() - Date.now()).toBeCloseTo(10 * dayMs, -5);
    const [question] = asked(left);
    expect(Date.now() - Date.parse(question!.leftBefore)).toBeCloseTo(30 * dayMs, -5);
    expect(asked(written)).toEqual([]);
    expect(await row(written)).toMatchObject({ due: null });
    await service.idle(clusterId);
    expect(deletions(left)).toEqual([]);
  }, 120_000);

  it('are looked at again when the policy changes, and stay while somebody needs them', async () => {
    const before = asked(left).length;
    world.releases.set(left, kept(daysAgo(20), 'op_1 reads it'));
    const change = { retention: { leftDays: 7 } };
    expect((await service.requester.ask(changeBackupPolicy, { clusterId, change })).retention).toEqual({
      ...{ fulls: 2, days: 14, leftDays: 7 },
    });
    await eventually(() => expect(asked(left).length).toBeGreaterThan(before), 20_000);
    expect(Date.now() - Date.parse(asked(left).at(-1)!.leftBefore)).toBeCloseTo(7 * dayMs, -5);
    await eventually(async () => expect((await row(left))!.due!.getTime()).toBeGreaterThan(Date.now()));
    // Its retention is over: the service checks soon whether the lineage is still needed.
    expect((await row(left))!.due!.getTime() - Date.now()).toBeLessThan(600_000);
    expect(deletions(left)).toEqual([]);
  }, 60_000);

  it('stay while a drill reads them, or no machine reaches the store', async () => {
    world.releases.set(left, released(daysAgo(20)));
    const before = asked(left).length;
    const { postgres } = service.services;
    await postgres.query(
      `insert into backup.drill (operation_id, cluster_id, stanza, state) values ('op_d', '${clusterId}', '${left}', 'running')`,
    );
    await look(left);
    await eventually(
      async () => expect((await row(left))!.due!.getTime()).toBeGreaterThan(Date.now()),
      20_000,
    );
    await postgres.query(`delete from backup.drill where operation_id = 'op_d'`);
    world.topologies.set(clusterId, { ...topology(clusterId, written), state: 'restoring' });
    await look(left);
    await eventually(
      async () => expect((await row(left))!.due!.getTime()).toBeGreaterThan(Date.now()),
      20_000,
    );
    world.topologies.set(clusterId, topology(clusterId, written));
    expect(asked(left)).toHaveLength(before);
    expect(isInStore(left)).toEqual([true, true]);
  }, 60_000);

  it('go when their time is over: said once, deleted by an operation, and nothing else with them', async () => {
    await look(left);
    await isGone(left);
    const expired = await events(left, 'lineage.expired');
    expect(expired).toHaveLength(1);
    const { operationId } = expired[0]!.data as { operationId: string };
    // The deletion does not block the cluster itself.
    expect(await service.operation(operationId)).toMatchObject({ kind: 'stanza.delete', clusterId: null });
    expect((await events(left, 'stanza.deleted'))[0]).toMatchObject({ correlationid: operationId });
    expect(deletions(left)).toHaveLength(1);
    expect(existsSync(join(machine.folder, 'repo/backup', written))).toBe(true);
    expect((await row(written))?.state).toBe('ready');
    await expect(
      service.requester.ask(checkRestoreTarget, { stanza: left, target: { type: 'latest' } }),
    ).rejects.toMatchObject({ problem: { status: 404 } });
  }, 90_000);

  it('are tried again when that fails, and outlive their cluster: another one deletes them', async () => {
    const gone = newId('clu');
    const stanza = newId('lin');
    await makeInStore(stanza);
    await know(stanza, gone);
    world.releases.set(stanza, kept(daysAgo(1), 'it was left a day ago'));
    world.sights.set(clusterId, { clusterId, stanza: written, timelines: [], members: [] });
    await service.publish(clusterDeleted, gone, { clusterId: gone, name: 'old', backupsKept: true });
    await eventually(
      async () => expect((await row(stanza))?.due?.getTime()).toBeGreaterThan(Date.now()),
      20_000,
    );
    expect((await row(stanza))!.due!.getTime() - Date.now()).toBeCloseTo(29 * dayMs, -5);
    expect(await service.requester.ask(getBackupPolicy, { clusterId: gone })).toMatchObject({ next: null });

    world.releases.set(stanza, released(daysAgo(31)));
    const works = world.machines.get('n1')!;
    world.machines.set('n1', {
      run: (argv, stop) =>
        isDeletion(argv)
          ? Promise.resolve({ exitCode: 37, stdout: '', stderr: 'ERROR: [037]: no' })
          : works.run(argv, stop),
    });
    await look(stanza);
    await eventually(async () => expect(await events(stanza, 'stanza.failed')).toHaveLength(1), 30_000);
    expect(isInStore(stanza)).toEqual([true, true]);
    world.machines.set('n1', works);
    await look(stanza);
    await isGone(stanza);
    expect(await events(stanza, 'lineage.expired')).toHaveLength(1);
    const policies = await service.services.postgres.query('select cluster_id from backup.backup_policy');
    expect(policies).toEqual([{ cluster_id: clusterId }]);
  }, 120_000);

  it('go at once with a cluster whose backups nobody wants', async () => {
    const gone = newId('clu');
    const [earlier, last] = [newId('lin'), newId('lin')];
    await makeInStore(earlier);
    await know(earlier, gone);
    await know(last, gone);
    await service.services.postgres.query(
      `update backup.stanza set state = 'deleted' where name = '${last}'`,
    );
    world.releases.set(earlier, released(daysAgo(0)));
    await service.publish(clusterDeleted, gone, { clusterId: gone, name: 'old', backupsKept: false });
    await isGone(earlier);
    expect(Date.now() - Date.parse(asked(earlier)[0]!.leftBefore)).toBeLessThan(60_000);
  }, 60_000);
});
