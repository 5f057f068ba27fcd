import type { INestApplication } from '@nestjs/common';
import type { NatsConnection } from '@nats-io/transport-node';
import { CloudEvent, newId } from '@pgfleet/contracts';
import { eventually, startServices, type Services } from '@pgfleet/integration';
import { connectNats, provision } from '@pgfleet/messaging';
import { migrate, openDatabase } from '@pgfleet/persistence';
import { AlarmAction, AlarmType, Etcd3 } from 'etcd3';
import { register } from 'prom-client';
import type { DataSource } from 'typeorm';
import { EtcdAlarmWatch } from '../etcd/etcd-alarm-watch';
import { MACHINE_PROVIDER } from '../machines/cluster-machines';
import { ClusterEntity, MachineEntity } from '../persistence/cluster.entity';
import { databaseOptions } from '../persistence/database-options';
import { UserEntity } from '../persistence/user.entity';
import { startRestoreWorld, world } from '../testing/restore-world';
import { startClusterService } from '../testing/spec-service';
import { issueCertificate, TlsServices } from '../testing/tls-services';
import { placesOfNode } from './certificate-places';

process.env.PGFLEET_LOG_LEVEL ||= 'error';

const hostKey = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHf5bVdfGz0l4ZHZr6a0wIuQ2v1mKcZ1uXk0yX8bq0aB';
const address = '127.0.0.88';

/** How the platform handles expiring certificates and etcd's alarms. TLS servers of this spec play a node's services. */
describe('certificates of a cluster', () => {
  let services: Services;
  let nats: NatsConnection;
  let database: DataSource;
  let apps: INestApplication[] = [];
  let tls: TlsServices;
  const clusterId = newId('clu');
  const node = `${clusterId.slice(-12)}-1`;
  const events: { subject: string; data: Record<string, unknown> }[] = [];

  const told = (what: string) => events.filter(({ subject }) => subject.endsWith(what));

  beforeAll(async () => {
    services = await startServices({ nats: true, postgres: true, etcd: true });
    nats = await connectNats({ servers: services.nats.url, name: 'spec' });
    await provision(nats);
    const subscription = nats.subscribe('events.>');
    void (async () => {
      for await (const message of subscription)
        events.push({
          subject: message.subject,
          data: CloudEvent.parse(message.json()).data as Record<string, unknown>,
        });
    })();
    const url = await services.postgres.createService('cluster');
    const options = databaseOptions(url, undefined);
    await migrate(options);
    database = await openDatabase(options);
    tls = await TlsServices.start(placesOfNode({ name: node, address }), await issueCertificate(-100, 45));
    apps = await startRestoreWorld(services.nats.url);
    const machines = new Map<unknown, object>([[MACHINE_PROVIDER, { name: 'spec', provesPower: false }]]);
    const minutes = { PGFLEET_CERTIFICATE_LIFETIME_SECONDS: 150 };
    apps.push(await startClusterService(services, url, machines, minutes));
    const userId = newId('usr');
    await database.manager.insert(UserEntity, { id: userId, name: 'Ada', email: null, labels: {} });
    world.run = () => Promise.resolve({ exitCode: 2, stderr: 'the key of the CA is gone' });
    await database.transaction(async (tx) => {
      await tx.insert(ClusterEntity, {
        ...{ id: clusterId, name: 'shop', userId, description: '', labels: {}, state: 'ready', nodes: 1 },
        ...{ postgresVersion: 17, databaseName: 'shop', databaseUser: 'shop', stanza: newId('lin') },
        ...{ syncStandbys: [], profile: 'fast', durability: 'async', fencing: false },
      });
      const place = { clusterId, address, hostKey };
      await tx.insert(MachineEntity, { name: node, kind: 'node', ...place });
      await tx.insert(MachineEntity, { name: `${clusterId.slice(-12)}-lb`, kind: 'load_balancer', ...place });
    });
  }, 180_000);

  afterAll(async () => {
    for (const app of apps.reverse()) await app.close();
    tls?.stop();
    await database?.destroy();
    await nats?.close();
    await services?.stop();
  }, 60_000);

  const operations = () =>
    database.query<{ state: string }[]>(
      `select state from operation where kind = 'cluster.certificates' order by id`,
    );

  it('are renewed when two thirds of their life are over; a renewal that fails is reported once and tried again', async () => {
    await eventually(() => expect(told('certificate.expiring')).toHaveLength(4), 30_000);
    expect(told('certificate.expiring')[0]!.data).toMatchObject({
      clusterId,
      machine: node,
      cause: expect.stringContaining('the key of the CA is gone') as string,
    });
    const metric = await register.getSingleMetricAsString('pgfleet_certificate_expires_in_seconds');
    expect(metric).toMatch(
      new RegExp(`cluster="${clusterId}",machine="${node}",certificate="pgbouncer",.*} \\d+`),
    );

    const renewed = await issueCertificate(0, 150);
    world.run = (job) => {
      if (job.kind === 'playbook') tls.serve(renewed);
      return Promise.resolve();
    };
    await eventually(() => expect(told('certificate.renewed')).toHaveLength(4), 30_000);
    await eventually(async () => expect((await operations()).at(-1)).toEqual({ state: 'succeeded' }), 10_000);
    const job = world.ran.at(-1);
    expect(job).toMatchObject({
      playbook: 'renew_certificates.yml',
      secretsOf: null,
      groups: { nodes: [{ name: node }], load_balancer: [{ address }] },
      vars: { certificate_lifetime_seconds: 150 },
    });
    // Fresh certificates are left alone, and nothing is published twice.
    const ran = world.ran.length;
    await new Promise((resolve) => setTimeout(resolve, 5_000));
    expect(world.ran).toHaveLength(ran);
    expect(told('certificate.expiring')).toHaveLength(4);
  }, 120_000);

  it("do not hide etcd's alarms, which are reported when they begin and when they end", async () => {
    const etcd = new Etcd3({ hosts: services.etcd.url });
    const watch = apps.at(-1)!.get(EtcdAlarmWatch, { strict: false });
    const set = (action: AlarmAction) =>
      etcd.maintenance.alarm({
        action: AlarmAction[action] as never,
        alarm: AlarmType[AlarmType.Nospace] as never,
      });
    try {
      await set(AlarmAction.Activate);
      await Promise.all([watch.look(), watch.look()]);
      await eventually(() => expect(told('alarm.raised')).toHaveLength(1), 10_000);
      expect(told('alarm.raised')[0]).toMatchObject({
        subject: 'events.platform.etcd.alarm.raised',
        data: { alarm: 'NOSPACE' },
      });
      expect(await register.getSingleMetricAsString('pgfleet_etcd_alarm')).toMatch(/alarm="NOSPACE".*} 1$/m);
      await set(AlarmAction.Deactivate);
      await watch.look();
      await eventually(() => expect(told('alarm.ended')).toHaveLength(1), 10_000);
    } finally {
      etcd.close();
    }
  }, 60_000);
});
