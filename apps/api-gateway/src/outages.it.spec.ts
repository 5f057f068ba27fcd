import { request } from 'node:http';
import {
  backupOperations,
  clusterOperations,
  createUser,
  getUser,
  listBackups,
  listUsers,
  newId,
} from '@pgfleet/contracts';
import { eventually } from '@pgfleet/integration';
import { GatewayPlatform, token } from './testing/gateway-platform';
import { anOperation, aUser } from './testing/samples';

describe('outages', () => {
  let platform: GatewayPlatform;
  const user = aUser();
  beforeAll(async () => {
    platform = await GatewayPlatform.start();
  }, 120_000);
  afterAll(() => platform.stop());
  beforeEach(() => {
    platform.answers.reset();
    platform.answers.on(getUser, () => user);
    platform.answers.on(listUsers, () => ({ items: [], next: null }));
  });

  const isBack = () =>
    eventually(
      async () => expect((await platform.call('GET', `/users/${user.id}`)).status).toBe(200),
      20_000,
    );

  it('answers 503 when a service is down, and says when and how to retry', async () => {
    await platform.stopService('cluster-service');
    const read = await platform.call('GET', `/users/${user.id}`);
    expect([read.status, read.json.code]).toEqual([503, 'unavailable']);
    expect(Number(read.headers.get('retry-after'))).toBeGreaterThan(0);
    const withKey = await platform.call('POST', '/users', { name: 'Ada' }, { 'idempotency-key': 'k' });
    expect(withKey.status).toBe(503);
    expect(withKey.json.remedy).toContain('same Idempotency-Key');
    const without = await platform.call('POST', '/users', { name: 'Ada' });
    expect(without.json.remedy).toContain('look before you send it again');
    await platform.startService('cluster-service');
    await isBack();
  });

  it('is ready if the cluster-service answers, and live in any case', async () => {
    const readiness = async () => (await platform.call('GET', '/health/ready')).status;
    await eventually(async () => expect(await readiness()).toBe(200));
    await platform.stopService('cluster-service');
    const answer = await platform.call('GET', '/health/ready');
    expect([answer.status, answer.headers.get('content-type')]).toEqual([
      503,
      expect.stringMatching(/problem\+json/),
    ]);
    expect(answer.json.detail).toContain('cluster-service');
    expect((await platform.call('GET', '/health/live')).status).toBe(200);
    await platform.startService('cluster-service');
    await eventually(async () => expect(await readiness()).toBe(200), 20_000);
  });

  it('returns operations of the cluster-service while the backup-service is down', async () => {
    const operation = anOperation();
    platform.answers.on(clusterOperations.get, ({ operationId }) =>
      operationId === operation.id ? operation : null,
    );
    platform.answers.on(clusterOperations.list, () => ({ items: [operation], next: null }));
    await platform.stopService('backup-service');
    expect((await platform.call('GET', `/operations/${operation.id}`)).json).toEqual(operation);
    const list = await platform.call('GET', '/operations');
    expect(list.json).toEqual({ items: [operation], next: null, unavailable: ['backup-service'] });
    // The service that answers does not know it, so the other may own it.
    expect((await platform.call('GET', `/operations/${newId('op')}`)).status).toBe(503);
    await platform.startService('backup-service');
    platform.answers.on(backupOperations.list, () => ({ items: [], next: null }));
    await eventually(async () =>
      expect((await platform.call('GET', '/operations')).json.unavailable).toEqual([]),
    );
  });

  it('returns a list that is late because the repository is down', async () => {
    const asOf = new Date().toISOString();
    const list = {
      stanza: newId('lin'),
      status: 'ok',
      walMin: null,
      walMax: null,
      asOf,
      items: [],
      next: null,
    };
    platform.answers.on(listBackups, () => new Promise((resolve) => setTimeout(() => resolve(list), 6_000)));
    const answer = await platform.call('GET', `/clusters/${newId('clu')}/backups`);
    expect([answer.status, answer.json.asOf]).toEqual([200, asOf]);
  }, 15_000);

  it('does not wait for a slow service that is not the owner', async () => {
    const operation = anOperation();
    platform.answers.on(clusterOperations.get, () => operation);
    platform.answers.on(
      backupOperations.get,
      () => new Promise((resolve) => setTimeout(() => resolve(null), 2_000)),
    );
    const begin = performance.now();
    expect((await platform.call('GET', `/operations/${operation.id}`)).status).toBe(200);
    expect(performance.now() - begin).toBeLessThan(1_500);
  });

  it('answers 500 for an error inside a service, without internal details', async () => {
    platform.answers.on(getUser, () => {
      throw new Error('relation "user" does not exist at /opt/pgfleet/x.js:1:2');
    });
    const answer = await platform.call('GET', `/users/${user.id}`);
    expect([answer.status, answer.json.code]).toEqual([500, 'internal']);
    expect(answer.text).not.toMatch(/relation|\.js/);
  });

  it('answers 503 while NATS is down, and recovers by itself', async () => {
    await isBack();
    await platform.services.nats.kill();
    const answer = await platform.call('GET', `/users/${user.id}`);
    expect(answer.status).toBe(503);
    expect((await platform.call('GET', '/health/live')).status).toBe(200);
    expect((await platform.call('GET', '/health/ready')).status).toBe(503);
    await platform.services.nats.start();
    await isBack();
  }, 60_000);

  it('finishes running requests when it stops, and accepts no new ones', async () => {
    let release: () => void = () => undefined;
    const asked = new Promise<void>((resolve) => {
      platform.answers.on(createUser, () => {
        resolve();
        return new Promise((answer) => (release = () => answer(user)));
      });
    });
    const running = platform.call('POST', '/users', { name: 'Ada' });
    await asked;
    const closed = platform.gateway.close();
    await eventually(() => expect(connectionRefused(platform.url)).resolves.toBe(true));
    release();
    expect((await running).status).toBe(201);
    await closed;
    await platform.startGateway();
    await isBack();
  });

  it('ends event streams when it stops, without waiting for their operations', async () => {
    const operation = anOperation();
    platform.answers.on(clusterOperations.get, () => operation);
    platform.answers.on(backupOperations.get, () => null);
    const headers = { authorization: `Bearer ${token}`, accept: 'text/event-stream' };
    const response = await fetch(`${platform.url}/operations/${operation.id}/log`, { headers });
    const text = response.text();
    const begin = performance.now();
    await platform.gateway.close();
    expect(performance.now() - begin).toBeLessThan(5_000);
    expect(await text).not.toContain('event: end');
    await platform.startGateway();
  });
});

const connectionRefused = (url: string): Promise<boolean> =>
  new Promise((resolve) => {
    const sent = request(url, { agent: false }, (response) => {
      response.resume();
      resolve(false);
    });
    sent.on('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'ECONNREFUSED'));
    sent.end();
  });
