import type { Cluster, Operation } from '@pgfleet/contracts';
import { EventListener } from './event-listener';
import {
  leaderOf,
  sharedCluster,
  succeeds,
  testPlatform,
  until,
  untilCluster,
  type TestPlatform,
} from './platform';
import { checkWrites, explain, WriteClients } from '@pgfleet/write-checker';

/** ttl 20 s plus a margin: the longest time Patroni needs to replace a leader whose machine is gone. */
const patroniBoundMs = 30_000;

describe('the loss of the machine of the leader', () => {
  let platform: TestPlatform;
  let events: EventListener;
  let cluster: Cluster;
  let load: WriteClients;
  let oldLeader: string;
  let killedAt: number;

  beforeAll(async () => {
    platform = await testPlatform();
    cluster = await sharedCluster(platform.api);
    oldLeader = leaderOf(cluster) ?? '';
    events = await EventListener.start(platform, 'new');
    const { primaryUri } = await platform.api.credentials(cluster.id);
    load = new WriteClients(primaryUri, {
      connect: 'every-write',
      timeoutMs: 1000,
      pauseMs: 50,
      ssl: { rejectUnauthorized: false },
    });
    await load.start();
    await until(
      () => Promise.resolve(load.log.length),
      (count) => count > 25,
      20_000,
    );
    killedAt = Date.now();
    await platform.lab.setPower(oldLeader, 'off');
  });
  afterAll(async () => {
    await load?.stop();
    await events?.stop();
  });

  it('is shown by the API within 2 s of the election', async () => {
    const survivor = cluster.members.find(({ name }) => name !== oldLeader)?.name ?? '';
    const address = (await platform.lab.get(survivor)).address;
    const elected = until(
      () => patroniLeader(address),
      (leader) => leader !== undefined && leader !== oldLeader,
      patroniBoundMs,
      20,
    ).then((leader) => ({ leader, at: Date.now() }));
    const shown = untilCluster(
      platform.api,
      cluster.id,
      (seen) => ![undefined, oldLeader].includes(leaderOf(seen)),
      patroniBoundMs + 5000,
    ).then((seen) => ({ leader: leaderOf(seen), at: Date.now() }));
    const [election, sight] = await Promise.all([elected, shown]);
    expect(sight.leader).toBe(election.leader);
    expect(sight.at - election.at).toBeLessThan(2000);
  });

  it('lets writes through port 5000 go on within the Patroni bound', async () => {
    const { ms } = await until(
      () => Promise.resolve(load.worstGap({ from: killedAt + 500 })),
      ({ over, ms }) => over && ms > 1000,
      patroniBoundMs + 10_000,
    );
    expect(ms).toBeLessThan(patroniBoundMs);
    process.stderr.write(`write gap after the loss of the leader's machine: ${ms} ms\n`);
  });

  it('is said once as cluster.leader.changed', async () => {
    await events.until('cluster.leader.changed', cluster.id, 10_000);
    const changes = events.of('cluster.leader.changed', cluster.id);
    expect(changes).toHaveLength(1);
    expect(changes[0]?.data).toMatchObject({ from: oldLeader });
    expect(events.heard.filter(({ name }) => name === 'cluster.leader.changed')).toHaveLength(1);
  });

  it('is fenced: the machine is proven to be off, so nobody waits for its lease', async () => {
    const { data } = await events.until('cluster.failover.completed', cluster.id, 20_000);
    expect(data).toMatchObject({ from: oldLeader, fenced: true, loss: { bytes: 0, sure: true } });
    expect(events.of('cluster.failover.started', cluster.id)).toHaveLength(1);
    const { items } = await platform.api.history(cluster.id);
    expect(items[0]).toMatchObject({ origin: 'fenced', loss: { bytes: 0, sure: true } });
    expect(items[1]).toMatchObject({ leader: oldLeader });
    expect((await platform.lab.get(oldLeader)).fenced).toBe(false);
    process.stderr.write(
      `outage of the fenced failover as the nodes saw it: ${JSON.stringify(data.outageMs)} ms\n`,
    );
  });

  it('degrades the cluster until the machine is back and has rejoined by itself', async () => {
    await untilCluster(platform.api, cluster.id, ({ state }) => state === 'degraded', patroniBoundMs);
    // On an idle cluster that has just switched its WAL segment, a rewound member has the least to work with.
    await load.stop();
    const newLeader = leaderOf(await platform.api.cluster(cluster.id)) ?? '';
    await platform.on(newLeader, `runuser -u postgres -- psql -XAtqc 'select pg_switch_wal()'`);
    await platform.lab.setPower(oldLeader, 'on');
    const whole = await untilCluster(platform.api, cluster.id, ({ state }) => state === 'ready', 120_000);
    expect(whole.members).toHaveLength(3);
    expect(whole.members.every(({ timeline }) => timeline === whole.timeline)).toBe(true);
    expect(whole.timeline).toBeGreaterThan(cluster.timeline ?? 0);
    const verdict = checkWrites({ log: load.log, rows: await load.rows() });
    if (!verdict.ok) throw new Error(explain(verdict).join('; '));
    expect(verdict.acknowledged).toBeGreaterThan(20);
  });

  it('says how the machine came back, and what it had that nobody else had', async () => {
    const { data } = await events.until('cluster.member.rejoined', cluster.id, 30_000);
    expect(data).toMatchObject({
      member: oldLeader,
      how: expect.stringMatching(/followed|rewound/) as string,
    });
    expect(events.of('cluster.member.rejoining', cluster.id).map(({ data }) => data.member)).toContain(
      oldLeader,
    );
    const { data: loss } = await events.until('cluster.failover.loss.measured', cluster.id, 10_000);
    // Nobody acknowledged the last writes, because a quorum did not have them. So no client was told that they were committed.
    expect(loss).toMatchObject({ member: oldLeader, timeline: cluster.timeline });
    const { items } = await platform.api.history(cluster.id);
    expect(items[0]?.measuredLoss).toMatchObject({ bytes: loss.bytes, transactions: loss.transactions });
    expect((await platform.api.cluster(cluster.id)).members.map(({ rejoining }) => rejoining)).toEqual([
      null,
      null,
      null,
    ]);
  });
});

/**
 * A failover that a customer requests for a leader that is alive but unreachable. It cannot be fenced, so Patroni's lease
 * decides.
 */
describe('a failover by hand', () => {
  it('is refused for a leader that is well, and replaces one that is cut off', async () => {
    const platform = await testPlatform();
    const cluster = await sharedCluster(platform.api);
    const leader = leaderOf(cluster) ?? '';
    await expect(platform.api.failover(cluster.id)).rejects.toThrow(/is well/);
    const events = await EventListener.start(platform, 'new');
    await platform.lab.setNetwork(leader, 'cut');
    try {
      const asked = await until(
        () => platform.api.failover(cluster.id).catch((error: unknown) => String(error)),
        (answer) => typeof answer !== 'string',
        15_000,
      );
      const { steps } = await succeeds(platform.api, (asked as Operation).id, 90_000);
      expect(steps.map(({ name, state }) => `${name} ${state}`)).toEqual([
        'fence succeeded',
        'depose succeeded',
        'promote succeeded',
        'release succeeded',
      ]);
      const { data } = await events.until('cluster.failover.completed', cluster.id, 20_000);
      // The leader is alive, so it is not fenced. Under quorum nothing that was acknowledged is lost.
      expect(data).toMatchObject({ from: leader, fenced: false, loss: { bytes: 0, sure: true } });
    } finally {
      await platform.lab.setNetwork(leader, 'up');
      await untilCluster(platform.api, cluster.id, ({ state }) => state === 'ready', 120_000);
      await events.stop();
    }
  });
});

/**
 * The service that would fence is cut off from etcd and from the lab. It must not act on what it saw last, and nothing waits for
 * it.
 */
describe('the loss of a leader while the control plane is cut off', () => {
  it('is mended by Patroni alone, without a fence, and told once when the control plane is back', async () => {
    const platform = await testPlatform();
    const cluster = await sharedCluster(platform.api);
    const leader = leaderOf(cluster) ?? '';
    const survivor = cluster.members.find(({ name }) => name !== leader)?.name ?? '';
    const { address } = await platform.lab.get(survivor);
    const events = await EventListener.start(platform, 'new');
    await platform.lab.setNetwork('control1', 'cut');
    try {
      await platform.lab.setPower(leader, 'off');
      const next = await until(
        () => patroniLeader(address),
        (seen) => seen !== undefined && seen !== leader,
        patroniBoundMs,
      );
      expect(next).not.toBe(leader);
      expect((await platform.lab.get(leader)).fenced).toBe(false);
    } finally {
      await platform.lab.setNetwork('control1', 'up');
      await platform.lab.setPower(leader, 'on');
    }
    const { data } = await events.until('cluster.failover.completed', cluster.id, 30_000);
    expect(data).toMatchObject({ from: leader, fenced: false });
    await untilCluster(platform.api, cluster.id, ({ state }) => state === 'ready', 120_000);
    for (const name of ['cluster.failover.started', 'cluster.failover.completed', 'cluster.leader.changed'])
      expect({ name, heard: events.of(name, cluster.id).length }).toEqual({ name, heard: 1 });
    // Whatever the platform started meanwhile had no effect: the machine was never fenced.
    expect((await platform.lab.get(leader)).fenced).toBe(false);
    await events.stop();
  });
});

async function patroniLeader(address: string): Promise<string | undefined> {
  try {
    const response = await fetch(`http://${address}:8008/cluster`, { signal: AbortSignal.timeout(1000) });
    const { members } = (await response.json()) as { members: { name: string; role: string }[] };
    return members.find(({ role }) => role === 'leader')?.name;
  } catch {
    return undefined;
  }
}
