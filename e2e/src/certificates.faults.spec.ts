import type { Cluster } from '@pgfleet/contracts';
import { Client } from 'pg';
import { EventListener } from './event-listener';
import { NumberedWriter } from './numbered-writer';
import { succeeds, testPlatform, testUser, until, type TestPlatform } from './platform';

/** Renewal happens after 80 s. */
const lifetimeSeconds = 120;
const envFile = '/etc/pgfleet/cluster-service.env';
const lifetimeLine = 'PGFLEET_CERTIFICATE_LIFETIME_SECONDS';

/** A cluster outlives certificates that are valid for two minutes, and no session notices. */
describe('certificates that end', () => {
  let platform: TestPlatform;
  let events: EventListener;
  let cluster: Cluster;

  const setLifetime = (seconds: number) =>
    platform.on(
      'control1',
      `sed -i 's/^${lifetimeLine}=.*/${lifetimeLine}=${seconds}/' ${envFile} && systemctl restart pgfleet-cluster-service`,
    );
  /** When the services last started: a certificate must not restart any of them. */
  const started = async (machine: string, ...units: string[]): Promise<string> =>
    platform.on(machine, `systemctl show -p ActiveEnterTimestamp ${units.join(' ')}; uptime -s`);
  const nodeUnits = ['patroni', 'pgbouncer', 'pgbouncer-local', 'pgfleet-backup-server'];
  const postmaster = (machine: string) =>
    platform.on(machine, `runuser -u postgres -- psql -XAtc 'select pg_postmaster_start_time()'`);

  beforeAll(async () => {
    platform = await testPlatform();
    events = await EventListener.start(platform);
    const userId = await testUser(platform.api);
    await setLifetime(lifetimeSeconds);
    const operation = await until(
      () => platform.api.createCluster({ name: 'brief', userId, nodes: 2 }).catch(() => null),
      (answer) => answer !== null,
      30_000,
      500,
    );
    await succeeds(platform.api, operation!.id, 180_000);
    cluster = await platform.api.cluster(operation!.clusterId ?? '');
  }, 300_000);

  afterAll(async () => {
    if (cluster) await platform.api.deleteCluster(cluster.id, false).catch(() => undefined);
    await setLifetime(397 * 86_400);
    await events?.stop();
  }, 60_000);

  it('are renewed twice while a session writes and others come and go', async () => {
    const { primaryUri, caCertificate: ca } = await platform.api.credentials(cluster.id);
    const uri = primaryUri.replace('?sslmode=require', '');
    const names = cluster.members.map(({ name }) => name);
    const before = await Promise.all(names.map((name) => started(name, ...nodeUnits)));
    const databases = await Promise.all(names.map(postmaster));
    const writer = await NumberedWriter.start(uri, ca);
    const refused: string[] = [];
    let connected = 0;
    const stopping = new AbortController();
    const visitors = (async () => {
      while (!stopping.signal.aborted) {
        // The client verifies the certificate and refuses an expired one.
        const client = new Client({ connectionString: uri, ssl: { ca } });
        try {
          await client.connect();
          await client.query('select 1');
          connected++;
        } catch (error) {
          refused.push(String(error));
        }
        await client.end().catch(() => undefined);
        await new Promise((resolve) => setTimeout(resolve, 500));
      }
    })();
    // Each node renews its four certificates twice; the first ones have expired by then.
    const renewed = () => events.of('cluster.certificate.renewed', cluster.id);
    await until(
      () => Promise.resolve(renewed().length),
      (count) => count >= names.length * 4 * 2,
      300_000,
      500,
    );
    stopping.abort();
    await visitors;
    await writer.stop();

    expect(writer.errors).toEqual([]);
    expect(refused).toEqual([]);
    expect(connected).toBeGreaterThan(100);
    expect(
      new Set(renewed().map(({ data }) => `${data.machine as string}/${data.service as string}`)).size,
    ).toBe(names.length * 4);
    expect(events.of('cluster.certificate.expiring', cluster.id)).toEqual([]);
    expect(await Promise.all(names.map((name) => started(name, ...nodeUnits)))).toEqual(before);
    expect(await Promise.all(names.map(postmaster))).toEqual(databases);
    const metrics = await platform.on('control1', 'curl -s http://127.0.0.1:8081/metrics');
    expect(metrics).toMatch(new RegExp(`pgfleet_certificate_expires_in_seconds{.*${names[0]}.*} \\d+`));
  }, 400_000);

  it("are renewed on the platform's own machines, whose services go on", async () => {
    const units = {
      etcd1: ['etcd'],
      etcd2: ['etcd'],
      etcd3: ['etcd'],
      infra1: ['nats-server', 'postgresql@17-main'],
      objects1: ['haproxy', 'swift-proxy'],
    };
    const all = () => Promise.all(Object.entries(units).map(([name, list]) => started(name, ...list)));
    const before = await all();
    // Runs what the controller's timer does, then the same as if every certificate were due.
    await platform.on('control1', 'systemctl start pgfleet-renew-certificates.service');
    await platform.on(
      'control1',
      `cd /opt/pgfleet/ansible && ANSIBLE_SSH_COMMON_ARGS='-o UserKnownHostsFile=/opt/pgfleet/known_hosts' ansible-playbook \
         -i /opt/pgfleet/inventory.yml -e certificate_keep_until=$(date -d '+400 days' +%s) platform_certificates.yml`,
    );
    const renewed = (service: string) => events.of('platform.certificate.renewed', service);
    for (const [service, count] of Object.entries({
      etcd: 3,
      nats: 1,
      'management-database': 1,
      'object-store': 1,
    }))
      await until(
        () => Promise.resolve(renewed(service).length),
        (seen) => seen >= count,
        60_000,
        500,
      );
    expect(await all()).toEqual(before);
  }, 120_000);
});
