import {
  backupOperations,
  clusterOperations,
  createCluster,
  createUser,
  deleteCluster,
  deleteUser,
  failover,
  getCluster,
  getClusterHealth,
  getCredentials,
  getHistory,
  getUser,
  keyReused,
  listBackups,
  listClusters,
  listUsers,
  newId,
  notFound,
  switchover,
  updateCluster,
  updateUser,
} from '@pgfleet/contracts';
import { GatewayPlatform } from './testing/gateway-platform';
import { aCluster, aLeadership, anOperation, aUser } from './testing/samples';

describe('the routes', () => {
  let platform: GatewayPlatform;
  beforeAll(async () => {
    platform = await GatewayPlatform.start();
  }, 120_000);
  afterAll(() => platform.stop());
  beforeEach(() => platform.answers.reset());

  const lastAsked = () => platform.answers.asked.at(-1)?.input;

  describe('users', () => {
    const user = aUser();

    it('POST creates one: 201 with Location and the user', async () => {
      platform.answers.on(createUser, () => user);
      const answer = await platform.call('POST', '/users', { name: 'Ada', email: 'ada@example.com' });
      expect(answer.status).toBe(201);
      expect(answer.headers.get('location')).toBe(`/users/${user.id}`);
      expect(answer.json).toEqual(user);
      expect(lastAsked()).toEqual({ user: { name: 'Ada', email: 'ada@example.com' }, idempotency: null });
    });

    it('GET lists them, page by page', async () => {
      platform.answers.on(listUsers, () => ({ items: [user], next: user.id }));
      const answer = await platform.call('GET', `/users?limit=1&before=${newId('usr')}`);
      expect(answer.json).toEqual({ items: [user], next: user.id });
      expect(lastAsked()).toMatchObject({ limit: 1 });
    });

    it('GET, PUT and DELETE one', async () => {
      platform.answers.on(getUser, () => user);
      platform.answers.on(updateUser, () => user);
      platform.answers.on(deleteUser, () => ({}));
      expect((await platform.call('GET', `/users/${user.id}`)).json).toEqual(user);
      expect((await platform.call('PUT', `/users/${user.id}`, { name: 'Bob' })).json).toEqual(user);
      expect(lastAsked()).toEqual({ userId: user.id, change: { name: 'Bob' } });
      const deleted = await platform.call('DELETE', `/users/${user.id}`);
      expect([deleted.status, deleted.text]).toEqual([204, '']);
    });
  });

  describe('clusters', () => {
    const cluster = aCluster();
    const operation = anOperation({ clusterId: cluster.id });
    const path = `/clusters/${cluster.id}`;
    const expectAccepted = (answer: Awaited<ReturnType<GatewayPlatform['call']>>) => {
      expect(answer.status).toBe(202);
      expect(answer.headers.get('location')).toBe(`/operations/${operation.id}`);
      expect(answer.json).toEqual(operation);
    };

    it('POST, PUT and DELETE answer 202 with the operation', async () => {
      platform.answers.on(createCluster, () => operation);
      platform.answers.on(updateCluster, () => operation);
      platform.answers.on(deleteCluster, () => operation);
      expectAccepted(await platform.call('POST', '/clusters', { name: 'orders', userId: cluster.userId }));
      expect(lastAsked()).toMatchObject({
        cluster: { name: 'orders', nodes: 3, postgresVersion: 17 },
      });
      expectAccepted(await platform.call('PUT', path, { description: 'É’🐘 "quoted"' }));
      expectAccepted(await platform.call('DELETE', path));
      expect(lastAsked()).toEqual({ clusterId: cluster.id, keepBackups: true });
      expectAccepted(await platform.call('DELETE', `${path}?keepBackups=false`));
      expect(lastAsked()).toEqual({ clusterId: cluster.id, keepBackups: false });
    });

    it('POST switches over, now or later, and fails over; the body is optional', async () => {
      platform.answers.on(switchover, () => operation);
      platform.answers.on(failover, () => operation);
      const asked = { clusterId: cluster.id, idempotency: null };
      const at = '2026-11-24T02:00:00.000Z';
      expectAccepted(await platform.call('POST', `${path}/switchover`, { candidate: 'n2', at }));
      const defaults = { maxWaitSeconds: 30, onBlockers: 'fail' };
      expect(lastAsked()).toEqual({ ...asked, request: { candidate: 'n2', at, ...defaults } });
      expectAccepted(await platform.call('POST', `${path}/switchover`));
      expect(lastAsked()).toEqual({ ...asked, request: defaults });
      expectAccepted(await platform.call('POST', `${path}/failover`, { confirmDataLoss: true }));
      expect(lastAsked()).toEqual({ ...asked, request: { confirmDataLoss: true } });
      expectAccepted(await platform.call('POST', `${path}/failover`));
      expect(lastAsked()).toEqual({ ...asked, request: { confirmDataLoss: false } });
    });

    it('PUT changes failover settings, and GET lists past leaders', async () => {
      platform.answers.on(updateCluster, () => operation);
      const change = { failover: { durability: 'quorum' } };
      expectAccepted(await platform.call('PUT', path, change));
      expect(lastAsked()).toEqual({ clusterId: cluster.id, change });
      const history = { clusterId: cluster.id, items: [aLeadership()], reducedDurability: [] };
      platform.answers.on(getHistory, () => history);
      expect((await platform.call('GET', `${path}/history`)).json).toEqual(history);
    });

    it('GET one, all, credentials, backups and health, each from its service', async () => {
      const asOf = '2026-11-23T12:00:00.000Z';
      const credentials = {
        user: 'app',
        password: 's',
        current: true,
        database: 'app',
        primaryUri: 'p',
        replicasUri: 'r',
        primarySessionUri: 'ps',
        replicasSessionUri: 'rs',
        replicationUser: 'app_replication',
        caCertificate: 'c',
      };
      const backups = { stanza: 's', status: 'ok', walMin: null, walMax: null, asOf, items: [], next: null };
      const health = { clusterId: cluster.id, state: 'healthy' as const, notices: [], nodes: [] };
      platform.answers.on(getCluster, () => cluster);
      platform.answers.on(listClusters, () => ({ items: [cluster], next: null }));
      platform.answers.on(getCredentials, () => credentials);
      platform.answers.on(listBackups, () => backups);
      platform.answers.on(getClusterHealth, () => health);
      expect((await platform.call('GET', path)).json).toEqual(cluster);
      expect((await platform.call('GET', '/clusters')).json).toEqual({ items: [cluster], next: null });
      expect((await platform.call('GET', `${path}/credentials`)).json).toEqual(credentials);
      expect((await platform.call('GET', `${path}/backups`)).json).toEqual(backups);
      expect((await platform.call('GET', `${path}/health`)).json).toEqual(health);
      expect((await platform.call('HEAD', path)).status).toBe(200);
    });

    it('keeps responses with secrets out of caches', async () => {
      platform.answers.on(getCluster, () => cluster);
      const { headers } = await platform.call('GET', path);
      expect(headers.get('cache-control')).toBe('no-store');
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('content-security-policy')).toContain("default-src 'none'");
      expect(headers.has('x-powered-by')).toBe(false);
      expect(headers.has('etag')).toBe(false);
    });
  });

  describe('operations', () => {
    const older = anOperation();
    const newer = anOperation({ kind: 'backup.stanza.create' });

    it('GET finds the owner of an operation', async () => {
      platform.answers.on(clusterOperations.get, ({ operationId }) =>
        operationId === older.id ? older : null,
      );
      platform.answers.on(backupOperations.get, ({ operationId }) =>
        operationId === newer.id ? newer : null,
      );
      expect((await platform.call('GET', `/operations/${older.id}`)).json).toEqual(older);
      expect((await platform.call('GET', `/operations/${newer.id}`)).json).toEqual(newer);
      expect((await platform.call('GET', `/operations/${newId('op')}`)).status).toBe(404);
    });

    it('GET lists the operations of both services, newest first, page by page', async () => {
      platform.answers.on(clusterOperations.list, () => ({ items: [older], next: null }));
      platform.answers.on(backupOperations.list, () => ({ items: [newer], next: null }));
      const all = await platform.call('GET', '/operations');
      expect(all.json).toEqual({ items: [newer, older], next: null, unavailable: [] });
      const first = await platform.call('GET', '/operations?limit=1');
      expect(first.json).toEqual({ items: [newer], next: newer.id, unavailable: [] });
    });

    it('retry and cancel reach the owner, whose refusal is passed on', async () => {
      platform.answers.on(clusterOperations.retry, () => older);
      platform.answers.on(backupOperations.retry, () => null);
      platform.answers.on(clusterOperations.cancel, () => null);
      platform.answers.on(backupOperations.cancel, () => newer);
      const retried = await platform.call('POST', `/operations/${older.id}/retry`);
      expect([retried.status, retried.headers.get('location')]).toEqual([202, `/operations/${older.id}`]);
      expect((await platform.call('POST', `/operations/${newer.id}/cancel`, {})).json).toEqual(newer);
    });
  });

  describe('the idempotency key', () => {
    const send = (body: unknown, key: string) =>
      platform.call('POST', '/users', body, { 'idempotency-key': key });
    const keyOf = () => (lastAsked() as { idempotency: { key: string; fingerprint: string } }).idempotency;

    it('is passed on with a fingerprint that does not depend on the order of fields', async () => {
      platform.answers.on(createUser, () => aUser());
      await send({ name: 'Ada', labels: { a: '1', b: '2' } }, 'my key ~!');
      const first = keyOf();
      await send({ labels: { b: '2', a: '1' }, name: 'Ada' }, 'my key ~!');
      expect(keyOf()).toEqual(first);
      expect(first.key).toBe('my key ~!');
      await send({ name: 'Ada', labels: { a: '2', b: '1' } }, 'my key ~!');
      expect(keyOf().fingerprint).not.toBe(first.fingerprint);
    });

    it('distinguishes routes with the same body', async () => {
      const [one, two] = [anOperation(), anOperation()];
      platform.answers.on(clusterOperations.retry, ({ operationId }) => (operationId === one.id ? one : two));
      const fingerprints = [];
      for (const { id } of [one, two]) {
        await platform.call('POST', `/operations/${id}/retry`, undefined, { 'idempotency-key': 'k' });
        fingerprints.push(keyOf().fingerprint);
      }
      expect(fingerprints[0]).not.toBe(fingerprints[1]);
    });

    it('used for another request is refused with 422 by the owner', async () => {
      platform.answers.on(createUser, () => {
        throw keyReused('The key k was used for another request');
      });
      const answer = await send({ name: 'Ada' }, 'k');
      expect([answer.status, answer.json.code]).toEqual([422, 'idempotency-key-reused']);
    });
  });

  it('passes on the refusal of a use case, with the id of the request', async () => {
    platform.answers.on(deleteUser, () => {
      throw notFound('no user', { extra: { clusters: ['clu_1'] } });
    });
    const answer = await platform.call('DELETE', `/users/${newId('usr')}`, undefined, {
      'x-request-id': 'mine-1',
    });
    expect(answer.headers.get('x-request-id')).toBe('mine-1');
    expect(answer.json).toMatchObject({ status: 404, clusters: ['clu_1'], requestId: 'mine-1' });
  });

  it('reports every fault of a request at once', async () => {
    const answer = await platform.call('POST', '/clusters?x=1', {
      name: 'A',
      nodes: 99,
      labels: { '/': 'x' },
      y: 1,
    });
    expect(answer.status).toBe(400);
    const paths = (answer.json.errors as { path: string }[]).map(({ path }) => path);
    expect(paths.sort()).toEqual(['/labels/~1', '/name', '/nodes', '/userId', '/y', 'query/x']);
  });
});
