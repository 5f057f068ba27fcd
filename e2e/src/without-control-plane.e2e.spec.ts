import type { Cluster } from '@pgfleet/contracts';
import { checkWrites, explain, WriteClients } from '@pgfleet/write-checker';
import { EventListener } from './event-listener';
import { leaderOf, sharedCluster, testPlatform, until, untilCluster, type TestPlatform } from './platform';

const services = [
  'api-gateway',
  'cluster-service',
  'backup-service',
  'healthcheck-scheduler',
  'ansible-runner',
];
const controlPlane: [machine: string, units: string][] = [
  ['control1', services.map((name) => `pgfleet-${name}`).join(' ')],
  ['infra1', 'nats-server postgresql@17-main'],
];

/** The data plane needs no control plane: with all of it stopped, a cluster serves, fails over, and its load balancer follows. */
describe('a cluster without the control plane', () => {
  let platform: TestPlatform;
  let cluster: Cluster;
  let load: WriteClients;
  let loadBalancer: string;
  let oldLeader: string;
  let stoppedAt: number;

  /** The servers that HAProxy knows on a port, and those of them that are up. */
  const servers = async (proxy: 'primary' | 'replicas'): Promise<{ all: string[]; up: string[] }> => {
    const metrics = await (
      await fetch(`http://${loadBalancer}:8405/metrics`, { signal: AbortSignal.timeout(3000) })
    ).text();
    const lines = [
      ...metrics.matchAll(/^haproxy_server_status\{proxy="([^"]+)",server="([^"]+)",state="UP"\} (\d)/gm),
    ];
    const own = lines.filter(([, name]) => name === proxy);
    return {
      all: own.map(([, , server]) => server ?? '').sort(),
      up: own
        .filter(([, , , value]) => value === '1')
        .map(([, , server]) => server ?? '')
        .sort(),
    };
  };

  /** Like `servers`, or null while a reloaded HAProxy takes over. */
  const look = (proxy: 'primary' | 'replicas') => servers(proxy).catch(() => null);

  beforeAll(async () => {
    platform = await testPlatform();
    cluster = await sharedCluster(platform.api);
    loadBalancer = cluster.connection?.primary.host ?? '';
    oldLeader = leaderOf(cluster) ?? '';
    const { primaryUri } = await platform.api.credentials(cluster.id);
    load = new WriteClients(primaryUri, {
      connect: 'every-write',
      timeoutMs: 1000,
      pauseMs: 50,
      ssl: { rejectUnauthorized: false },
    });
    await load.start();
    stoppedAt = Date.now();
    for (const [machine, units] of controlPlane) await platform.on(machine, `systemctl stop ${units}`);
  });
  afterAll(async () => {
    await load?.stop();
    for (const [machine, units] of [...controlPlane].reverse())
      await platform.on(machine, `systemctl start ${units}`);
  });

  it('is really without: nothing of the control plane answers', async () => {
    await expect(fetch(platform.api.address.url)).rejects.toThrow();
  });

  it('serves', async () => {
    const before = load.log.length;
    await until(
      () => Promise.resolve(load.log.length),
      (count) => count > before + 20,
      20_000,
    );
  });

  it('fails over when the machine of its leader is lost, and HAProxy follows the membership', async () => {
    expect((await servers('primary')).all).toHaveLength(3);
    const killedAt = Date.now();
    await platform.lab.setPower(oldLeader, 'off');
    await until(
      () => Promise.resolve(load.worstGap({ from: killedAt + 500 })),
      ({ over, ms }) => over && ms > 1000,
      40_000,
    );
    const shrunk = await until(
      () => look('primary'),
      (seen) => seen !== null && !seen.all.includes(oldLeader),
      60_000,
      500,
    );
    expect(shrunk?.all).toHaveLength(2);
    await platform.lab.setPower(oldLeader, 'on');
    await until(
      () => look('replicas'),
      (seen) => seen !== null && seen.all.length === 3 && seen.up.includes(oldLeader),
      120_000,
      500,
    );
  });

  it('has lost nothing that it acknowledged', async () => {
    await load.stop();
    const verdict = checkWrites({ log: load.log, rows: await load.rows() });
    if (!verdict.ok) throw new Error(explain(verdict).join('; '));
  });

  it('is known again when the control plane is back: the new leader, and the change said once', async () => {
    for (const [machine, units] of [...controlPlane].reverse())
      await platform.on(machine, `systemctl start ${units}`);
    const seen = await untilCluster(
      platform.api,
      cluster.id,
      (current) =>
        current.state === 'ready' && leaderOf(current) !== oldLeader && current.members.length === 3,
      90_000,
    );
    const events = await EventListener.start(platform);
    const since = () =>
      events.of('cluster.leader.changed', cluster.id).filter(({ time }) => Date.parse(time) > stoppedAt);
    await until(
      () => Promise.resolve(since()),
      (changes) => changes.some(({ data }) => data.to === leaderOf(seen)),
      10_000,
    );
    expect(since()).toMatchObject([{ data: { from: oldLeader, to: leaderOf(seen) } }]);
    await events.stop();
  });
});
