import type { BackupList, Cluster, DrillList, Operation } from '@pgfleet/contracts';
import { EventListener } from './event-listener';
import { sharedCluster, succeeds, testPlatform, until, type TestPlatform } from './platform';

/** A drill of a cluster that keeps serving. It runs on a separate machine that is removed afterwards. */
describe('a drill', () => {
  let platform: TestPlatform;
  let events: EventListener;
  let cluster: Cluster;
  let before: string[];

  const machines = async () => (await platform.lab.list()).map(({ name }) => name).sort();
  const get = <Answer>(path: string) => platform.api.call<Answer>('GET', `/clusters/${cluster.id}/${path}`);

  beforeAll(async () => {
    platform = await testPlatform();
    events = await EventListener.start(platform, 'new');
    cluster = await sharedCluster(platform.api);
    before = await machines();
    await until(
      () => get<BackupList>('backups').catch(() => null),
      (list): list is BackupList => list !== null && list.items.length > 0,
      180_000,
      500,
    );
  }, 400_000);

  afterAll(() => events?.stop());

  it('proves the newest backup, says so at the backup, and leaves no machine', async () => {
    const { id } = await platform.api.call<Operation>('POST', `/clusters/${cluster.id}/drills`, {});
    await expect(
      platform.api.call<Operation>('POST', `/clusters/${cluster.id}/drills`, {}),
    ).rejects.toMatchObject({ status: 409 });
    const ended = await succeeds(platform.api, id, 400_000);
    expect(ended.clusterId).toBeNull();

    const { items } = await get<DrillList>('drills');
    expect(items[0]).toMatchObject({ operationId: id, state: 'succeeded', cause: null });
    const result = items[0]!.result!;
    expect(result.newest.marks.rows).toEqual({ present: [`${id}/before`], absent: [`${id}/after`] });
    // The customer's database, postgres and template1.
    expect(result.newest.databases).toBe(3);
    expect(result.bytesPerSecond).toBeGreaterThan(0);
    expect(result.estimate.seconds).toBeGreaterThan(0);

    const backups = await get<BackupList>('backups');
    const proven = backups.items.find(({ label }) => label === result.newest.backupLabel);
    expect(proven?.provenBy).toMatchObject({ operationId: id });
    const told = await events.until('backup.drill.succeeded', items[0]!.stanza, 10_000);
    expect(told.correlationid).toBe(id);
    expect(events.of('backup.drill.started', items[0]!.stanza)).toHaveLength(1);
    await until(machines, (now) => now.join() === before.join(), 30_000);
  }, 500_000);
});
