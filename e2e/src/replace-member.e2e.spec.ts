import type { Cluster, Operation } from '@pgfleet/contracts';
import { checkWrites, explain, WriteClients } from '@pgfleet/write-checker';
import { EventListener } from './event-listener';
import { leaderOf, sharedCluster, succeeds, testPlatform, untilCluster, type TestPlatform } from './platform';

const replaceMs = 240_000;

/** A machine that never comes back must not leave its cluster in a state where nothing can be changed. */
describe('a member whose machine is lost for good', () => {
  let platform: TestPlatform;
  let events: EventListener;
  let cluster: Cluster;
  let writers: WriteClients;
  let lost: string;

  const names = (seen: Cluster) => seen.members.map(({ name }) => name).sort();
  const ready = () => untilCluster(platform.api, cluster.id, ({ state }) => state === 'ready', 120_000);

  beforeAll(async () => {
    platform = await testPlatform();
    cluster = await sharedCluster(platform.api);
    events = await EventListener.start(platform, 'new');
    const { primaryUri } = await platform.api.credentials(cluster.id);
    writers = new WriteClients(primaryUri, {
      connect: 'every-write',
      timeoutMs: 5_000,
      pauseMs: 100,
      ssl: { rejectUnauthorized: false },
    });
    await writers.start();
    lost = cluster.members.find(({ role }) => role !== 'leader')!.name;
    await platform.lab.setPower(lost, 'off');
    await untilCluster(platform.api, cluster.id, ({ state }) => state === 'degraded', 60_000);
  }, 240_000);
  afterAll(async () => {
    await writers?.stop();
    await events?.stop();
  });

  it('is replaced by a new machine, and nothing of the old one is left', async () => {
    await expect(platform.api.switchover(cluster.id, {})).rejects.toThrow(/degraded/);
    const { id } = await platform.api.replaceMember(cluster.id, lost);
    await succeeds(platform.api, id, replaceMs);
    const seen = await ready();
    const { data } = await events.until('cluster.member.replaced', cluster.id, 10_000);
    expect(data).toMatchObject({ from: lost });
    expect(names(seen)).toEqual([...names(cluster).filter((name) => name !== lost), data.to].sort());
    expect(seen.pendingMachines).toEqual([]);
    await expect(platform.lab.get(lost)).rejects.toThrow();
    const leader = leaderOf(seen) ?? '';
    const slots = await platform.on(
      leader,
      `runuser -u postgres -- psql -XAtqc "select slot_name from pg_replication_slots"`,
    );
    expect(slots).not.toContain(lost.replaceAll('-', '_'));
    const backends = await platform.on(
      `${cluster.id.slice(-12)}-lb`,
      'cat /var/lib/pgfleet/load-balancer/members.cfg',
    );
    expect(backends).toContain(String(data.to));
    expect(backends).not.toContain(lost);
  }, 300_000);

  it('leaves a cluster whose lead can be handed over and whose settings can be changed', async () => {
    const switched = await platform.api.switchover(cluster.id, {});
    await succeeds(platform.api, switched.id, 120_000);
    const changed = await platform.api.updateCluster(cluster.id, { failover: { profile: 'standard' } });
    await succeeds(platform.api, changed.id, 240_000);
    const back = await platform.api.updateCluster(cluster.id, { failover: { profile: 'fast' } });
    await succeeds(platform.api, back.id, 240_000);
  }, 420_000);

  it('can be the leader, which lives: it hands over first, and no acknowledged write is lost', async () => {
    const before = await ready();
    const leader = leaderOf(before) ?? '';
    const { id } = await platform.api.replaceMember(cluster.id, leader);
    await succeeds(platform.api, id, replaceMs);
    const seen = await ready();
    expect(names(seen)).not.toContain(leader);
    await writers.stop();
    const verdict = checkWrites({ log: writers.log, rows: await writers.rows() });
    if (!verdict.ok) throw new Error(explain(verdict).join('; '));
  }, 420_000);

  it('leaves a cluster that can be restored in place', async () => {
    const restored = await platform.api.call<Operation>('POST', `/clusters/${cluster.id}/restore`, {
      target: { type: 'latest' },
    });
    await succeeds(platform.api, restored.id, 300_000);
    const confirmed = await platform.api.call<Operation>(
      'POST',
      `/clusters/${cluster.id}/restore/confirm`,
      {},
    );
    await succeeds(platform.api, confirmed.id, 120_000);
    await ready();
  }, 480_000);
});
