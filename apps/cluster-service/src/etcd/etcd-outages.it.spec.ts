import { setTimeout as pause } from 'node:timers/promises';
import { eventually, SilentEndpoint, startServices, type Services } from '@pgfleet/integration';
import {
  etcdClient,
  grantScope,
  namespace,
  readCluster,
  revokeScope,
  ServiceWatch,
  watchCluster,
  type Revision,
} from '@pgfleet/patroni';
import type { Etcd3 } from 'etcd3';

const root = { username: 'root', password: 'root' };

/** A real etcd with users, reached through three endpoints. One endpoint falls silent, like a machine that loses power. */
describe('when a member of etcd', () => {
  let services: Services;
  let direct: Etcd3;
  let endpoints: SilentEndpoint[] = [];
  const clients: Etcd3[] = [];

  const connect = (hosts = endpoints.map(({ url }) => url)): Etcd3 => {
    const client = etcdClient({ hosts, auth: root });
    clients.push(client);
    return client;
  };
  const put = (path: string, value: string) => direct.put(`${namespace}outage/${path}`).value(value).exec();

  beforeAll(async () => {
    services = await startServices({ etcd: true });
    const open = etcdClient({ hosts: [services.etcd.url] });
    await open.role('root').create();
    await open.user('root').create(root.password);
    await open.user('root').addRole('root');
    await open.auth.authEnable();
    open.close();
    direct = connect([services.etcd.url]);
  }, 60_000);
  beforeEach(async () => {
    endpoints = await Promise.all([1, 2, 3].map(() => SilentEndpoint.to(services.etcd.url)));
    await put('leader', 'n1');
  });
  afterEach(() => {
    for (const endpoint of endpoints) endpoint.close();
  });
  afterAll(async () => {
    for (const client of clients) client.close();
    await services?.stop();
  });

  it('loses power, a request is answered by another within the time that a service has', async () => {
    const etcd = connect();
    await readCluster(etcd, 'outage');
    endpoints[0]!.fallSilent();
    for (let request = 0; request < 12; request++) {
      const began = Date.now();
      await expect(readCluster(etcd, 'outage')).resolves.toMatchObject({ leader: 'n1' });
      expect(Date.now() - began).toBeLessThan(4_500);
    }
  }, 60_000);

  it('is off already, a login goes past it', async () => {
    endpoints[0]!.fallSilent();
    const began = Date.now();
    await expect(readCluster(connect(), 'outage')).resolves.toMatchObject({ leader: 'n1' });
    expect(Date.now() - began).toBeLessThan(5_000);
  }, 30_000);

  it('loses power, who waits for a change sees it', async () => {
    const etcd = connect();
    const { signal } = new AbortController();
    const waits = watchCluster(etcd, 'outage', ({ leader }) => leader === 'n2' || undefined, {
      withinMs: 30_000,
      signal,
    });
    await pause(500);
    const [busiest] = [...endpoints].sort((a, b) => b.traffic() - a.traffic());
    busiest!.fallSilent();
    await put('leader', 'n2');
    const began = Date.now();
    await expect(waits).resolves.toBe(true);
    expect(Date.now() - began).toBeLessThan(6_000);
  }, 60_000);

  it('loses power, the watch on all clusters goes on through another, without a gap', async () => {
    const seen: string[] = [];
    let position = 0n;
    const watch = new ServiceWatch({
      connect,
      log: { warn: () => undefined, log: () => undefined },
      sink: {
        position: () => Promise.resolve(position || null),
        snapshot: (_, revision) => Promise.resolve(void (position = revision)),
        changes: (revisions: readonly Revision[]) => {
          for (const { revision, changes } of revisions) {
            position = revision;
            for (const { value } of changes) if (value?.kind === 'leader') seen.push(value.holder);
          }
          return Promise.resolve();
        },
      },
      checkEveryMs: 500,
      reconnectAfterMs: 100,
    });
    watch.start();
    try {
      await eventually(() => Promise.resolve(expect(position).not.toBe(0n)), 10_000);
      await pause(300);
      for (const endpoint of endpoints) endpoint.traffic();
      await put('leader', 'n2');
      await eventually(() => Promise.resolve(expect(seen).toEqual(['n2'])), 10_000);
      const watched = endpoints.filter((endpoint) => endpoint.traffic() > 0);
      for (const endpoint of watched.slice(0, 2)) endpoint.fallSilent();
      await put('leader', 'n3');
      await put('leader', 'n1');
      await eventually(() => Promise.resolve(expect(seen).toEqual(['n2', 'n3', 'n1'])), 40_000);
    } finally {
      await watch.stop();
    }
  }, 90_000);

  it('has its users changed for other clusters, no request fails', async () => {
    const [etcd, other] = [connect([services.etcd.url]), connect([services.etcd.url])];
    let over = false;
    let changed = 0;
    const changes = (async () => {
      for (; !over; changed++) {
        await grantScope(other, `other${changed}`, {
          name: `u${changed}`,
          password: 'p',
          permission: 'Read',
        });
        await revokeScope(other, `u${changed}`);
      }
    })();
    try {
      for (let round = 0; round < 6; round++) {
        await Promise.all(Array.from({ length: 8 }, () => readCluster(etcd, 'outage')));
        await etcd.put(`${namespace}outage/status`).value('{}');
      }
    } finally {
      over = true;
      await changes;
    }
    expect(changed).toBeGreaterThan(0);
  }, 60_000);
});
