import type { Cluster, Operation } from '@pgfleet/contracts';
import { ApiRefusal } from '@pgfleet/platform';
import { runOverSsh } from '@pgfleet/write-checker';
import { Client, type ClientConfig } from 'pg';
import { EventListener } from './event-listener';
import { succeeds, testPlatform, testUser, untilCluster, until, type TestPlatform } from './platform';

/** A customer's way through the API: create a cluster, use it, change it and delete it. */
describe('a cluster, from asking for it to giving it back', () => {
  let platform: TestPlatform;
  let events: EventListener;
  let userId: string;
  let operation: Operation;
  let cluster: Cluster;

  beforeAll(async () => {
    platform = await testPlatform();
    events = await EventListener.start(platform);
    userId = await testUser(platform.api);
  });
  afterAll(() => events?.stop());

  const query = async (uri: string, sql: string): Promise<Record<string, unknown>[]> => {
    // Like sslmode=verify-full: the clusters' authority signed the certificate for the load balancer's address.
    const ssl = { ca: (await platform.api.credentials(cluster.id)).caCertificate };
    const client = new Client({ connectionString: uri.replace('?sslmode=require', ''), ssl });
    await client.connect();
    try {
      return (await client.query(sql)).rows as Record<string, unknown>[];
    } finally {
      await client.end();
    }
  };

  it('is accepted at once, with the operation that makes it', async () => {
    const body = { name: 'orders', userId, nodes: 3, labels: { team: 'payments' } };
    const key = { 'idempotency-key': `orders-${Date.now()}` };
    const response = await fetch(`${platform.api.address.url}/clusters`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${platform.api.address.token}`,
        'content-type': 'application/json',
        ...key,
      },
      body: JSON.stringify(body),
    });
    operation = (await response.json()) as Operation;
    expect(response.status).toBe(202);
    expect(response.headers.get('location')).toBe(`/operations/${operation.id}`);
    expect(operation).toMatchObject({
      kind: 'cluster.create',
      state: expect.stringMatching(/pending|running/) as string,
    });
    expect(operation.steps.map(({ name }) => name)).toEqual([
      'reserve',
      'boot_machines',
      'configure_nodes',
      'elect_leader',
      'connect_load_balancer',
      'create_stanza',
      'verify',
    ]);

    const again = await platform.api.call<Operation>('POST', '/clusters', body, key);
    expect(again.id).toBe(operation.id);
    await expect(
      platform.api.call('POST', '/clusters', { ...body, name: 'other' }, key),
    ).rejects.toMatchObject({ status: 422 });
  });

  it('refuses a second change meanwhile, naming the first', async () => {
    await expect(platform.api.deleteCluster(operation.clusterId ?? '')).rejects.toMatchObject({
      status: 409,
      message: expect.stringContaining(operation.id) as string,
    });
  });

  it('is ready, takes a write on 5000 and shows it on 5001', async () => {
    await succeeds(platform.api, operation.id, 180_000);
    cluster = await platform.api.cluster(operation.clusterId ?? '');
    expect(cluster).toMatchObject({ state: 'ready', timeline: 1, operationId: null });
    // Patroni lets only these members lead, so the cluster survives the loss of its leader from the first moment.
    expect(cluster.members.filter(({ role }) => role === 'sync_standby')).not.toHaveLength(0);
    // Quorum is the default: both replicas acknowledge commits as soon as Patroni has seen them stream.
    const roles = ({ members }: Cluster) => members.map(({ role }) => role).sort();
    await untilCluster(
      platform.api,
      cluster.id,
      (seen) => JSON.stringify(roles(seen)) === JSON.stringify(['leader', 'sync_standby', 'sync_standby']),
      30_000,
    );
    expect(cluster.members.map(({ state }) => state).sort()).toEqual(['running', 'streaming', 'streaming']);

    const { primaryUri, replicasUri } = await platform.api.credentials(cluster.id);
    await query(primaryUri, 'create table t (v text)');
    await query(primaryUri, "insert into t values ('é, 汉字 and a quote '' ')");
    const rows = await until(
      () => query(replicasUri, 'select v, pg_is_in_recovery() as replica from t').catch(() => []),
      (seen) => seen.length === 1,
      5000,
    );
    expect(rows).toEqual([{ v: "é, 汉字 and a quote ' ", replica: true }]);
    expect(
      await query(primaryUri, "select rolsuper, rolcreaterole from pg_roles where rolname = 'app'"),
    ).toEqual([{ rolsuper: false, rolcreaterole: false }]);
  });

  it('has session ports beside the pooled ones, each with its purpose and limits', async () => {
    const { connection } = await platform.api.cluster(cluster.id);
    expect(connection).toMatchObject({
      primary: { port: 5000, pooling: 'transaction', limits: { clients: 2000, servers: 50 } },
      replicas: { port: 5001, pooling: 'transaction' },
      primarySession: { port: 5002, pooling: 'none', limits: { clients: 50 } },
      replicasSession: { port: 5003, pooling: 'none' },
    });
    const { primarySessionUri, replicasSessionUri } = await platform.api.credentials(cluster.id);
    expect(await query(replicasSessionUri, 'select pg_is_in_recovery() as replica')).toEqual([
      { replica: true },
    ]);
    // PostgreSQL itself sees the load balancer as its client.
    expect(
      await query(
        primarySessionUri,
        'select pg_is_in_recovery() as replica, inet_client_addr()::text as from',
      ),
    ).toEqual([{ replica: false, from: `${connection?.primary.host}/32` }]);
  });

  it('ends forgotten transactions, not idle sessions, and keeps connections for the platform', async () => {
    const { primarySessionUri } = await platform.api.credentials(cluster.id);
    const setting = (name: string) => `current_setting('${name}') as ${name}`;
    const names = ['idle_in_transaction_session_timeout', 'idle_session_timeout', 'reserved_connections'];
    expect(await query(primarySessionUri, `select ${names.map(setting).join(', ')}`)).toEqual([
      {
        idle_in_transaction_session_timeout: '30s',
        idle_session_timeout: '0',
        reserved_connections: '10',
      },
    ]);
  });

  it('gives a dump through a session port, whole, and harms nobody on the pooled ones', async () => {
    const { primarySessionUri, primaryUri, password } = await platform.api.credentials(cluster.id);
    const dump = (uri: string) => {
      const { username, hostname, port, pathname } = new URL(uri);
      const target = `host=${hostname} port=${port} user=${username} dbname=${pathname.slice(1)} sslmode=require`;
      const argv = ['/usr/lib/postgresql/17/bin/pg_dump', target];
      return runOverSsh(platform.ssh, 'infra1')(argv, { PGPASSWORD: password });
    };
    const { stdout, stderr, code } = await dump(primarySessionUri);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain('CREATE TABLE public.t');
    await dump(primaryUri);
    for (let client = 0; client < 5; client += 1)
      expect(await query(primaryUri, 'select count(*)::int as count from t')).toEqual([{ count: 1 }]);
  });

  it('refuses every port without TLS, and the session ports to all but the customer', async () => {
    const { connection } = await platform.api.cluster(cluster.id);
    const { password, user, database } = await platform.api.credentials(cluster.id);
    const refusal = (port: number, more: ClientConfig): Promise<string> => {
      const client = new Client({
        host: connection?.primary.host ?? '',
        port,
        user,
        database,
        password,
        ...more,
      });
      client.on('error', () => undefined);
      return client.connect().then(
        () => client.end().then(() => 'accepted'),
        (error: Error) => error.message,
      );
    };
    for (const port of [5000, 5001]) expect(await refusal(port, { ssl: false })).toMatch(/SSL required/);
    const ssl = { rejectUnauthorized: false };
    for (const port of [5002, 5003]) {
      expect(await refusal(port, { ssl: false })).toMatch(/no encryption/);
      for (const role of ['postgres', 'replicator', 'rewind', 'pgfleet_monitor', 'pgbouncer_auth'])
        expect(await refusal(port, { ssl, user: role })).toMatch(/no pg_hba.conf entry/);
      expect(await refusal(port, { ssl, database: 'postgres' })).toMatch(/no pg_hba.conf entry/);
    }
  });

  it('replicates logically through the session port, and nowhere else', async () => {
    const { primaryUri, primarySessionUri, replicationUser, password } = await platform.api.credentials(
      cluster.id,
    );
    await query(primaryUri, 'create publication news for table t');
    const receive = (uri: string, ...argv: string[]) => {
      const { hostname, port, pathname } = new URL(uri);
      const target = `host=${hostname} port=${port} user=${replicationUser} dbname=${pathname.slice(1)} sslmode=require`;
      const program = ['/usr/lib/postgresql/17/bin/pg_recvlogical', '-d', target, '--slot=news'];
      return runOverSsh(platform.ssh, 'infra1')([...program, ...argv], { PGPASSWORD: password });
    };
    const created = await receive(primarySessionUri, '--create-slot', '--plugin=pgoutput');
    expect({ code: created.code, stderr: created.stderr }).toEqual({ code: 0, stderr: '' });
    expect((await receive(primaryUri, '--drop-slot')).code).not.toBe(0);
    // Patroni removes slots that are not its own unless told otherwise. This one must survive Patroni's next rounds.
    await new Promise((resolve) => setTimeout(resolve, 11_000));
    expect((await receive(primarySessionUri, '--drop-slot')).stderr).toBe('');
  });

  it('archives WAL and has a first full backup', async () => {
    const backups = await until(
      () =>
        platform.api
          .call<{ status: string; items: Record<string, unknown>[] }>(
            'GET',
            `/clusters/${cluster.id}/backups`,
          )
          .catch(() => null),
      (list) => list !== null && list.items.length > 0,
      120_000,
      1000,
    );
    expect(backups).toMatchObject({
      status: 'ok',
      items: [{ type: 'full', failed: false, from: 'replica', insteadOfReplica: null }],
    });
  });

  it('is seen healthy by the probes', async () => {
    const health = await until(
      () =>
        platform.api
          .call<{ state: string; nodes: unknown[] }>('GET', `/clusters/${cluster.id}/health`)
          .catch(() => null),
      (seen) => seen?.state === 'healthy',
      60_000,
      500,
    );
    expect(health?.nodes).toHaveLength(3);
    // The pooler's exporter reaches PgBouncer over TLS.
    const leader = cluster.members.find(({ role }) => role === 'leader')?.machine ?? '';
    const address = (await platform.lab.get(leader)).address;
    expect(
      await platform.on(leader, `curl -s http://${address}:9127/metrics | grep '^pgbouncer_up'`),
    ).toContain('pgbouncer_up 1');
  });

  it('said each of its steps and states as events, once', async () => {
    await events.until('operation.succeeded', operation.id, 30_000);
    const steps = events.of('operation.step.succeeded', operation.id).map(({ data }) => data.step);
    expect(steps).toEqual(operation.steps.map(({ name }) => name));
    for (const name of ['cluster.created', 'cluster.ready', 'cluster.leader.changed']) {
      expect(events.of(name, cluster.id)).toHaveLength(1);
    }
    expect(new Set(events.of('cluster.member.joined', cluster.id).map(({ data }) => data.member)).size).toBe(
      3,
    );
    expect(events.of('cluster.created', cluster.id)[0]?.correlationid).toBe(operation.id);
  });

  it('has a log that can be read from where a reader left it', async () => {
    const read = async (headers: Record<string, string>) => {
      const response = await fetch(`${platform.api.address.url}/operations/${operation.id}/log?raw=true`, {
        headers: {
          authorization: `Bearer ${platform.api.address.token}`,
          accept: 'text/event-stream',
          ...headers,
        },
        signal: AbortSignal.timeout(30_000),
      });
      const text = await response.text();
      return [...text.matchAll(/^id: ?(.+)$/gm)].map(([, id]) => id);
    };
    const all = await read({});
    expect(all.length).toBeGreaterThan(10);
    const middle = all[Math.floor(all.length / 2)] ?? '';
    expect(await read({ 'last-event-id': middle })).toEqual(all.slice(all.indexOf(middle) + 1));
  });

  it('leaves no secret in logs, events or the journals of the control machine', async () => {
    const { password } = await platform.api.credentials(cluster.id);
    const log = JSON.stringify(await platform.api.call('GET', `/operations/${operation.id}/log`));
    expect(log).not.toContain(password);
    expect(JSON.stringify(events.heard)).not.toContain(password);
    const found = await platform.on(
      'control1',
      `journalctl -q --no-pager | grep -c -F '${password}' || true`,
    );
    expect(found.trim()).toBe('0');
  });

  it('changes name, labels and description, and says why it cannot change the rest', async () => {
    const change = await platform.api.call<Operation>('PUT', `/clusters/${cluster.id}`, {
      description: 'all orders',
      labels: { team: 'core' },
    });
    expect(change).toMatchObject({ kind: 'cluster.update', state: 'succeeded' });
    expect(await platform.api.cluster(cluster.id)).toMatchObject({
      description: 'all orders',
      labels: { team: 'core' },
    });
    await expect(platform.api.call('PUT', `/clusters/${cluster.id}`, { nodes: 5 })).rejects.toMatchObject({
      status: 422,
    });
  });

  it('keeps its owner from being deleted', async () => {
    const refusal = await platform.api.call('DELETE', `/users/${userId}`).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(ApiRefusal);
    expect((refusal as ApiRefusal).status).toBe(409);
    expect((refusal as ApiRefusal).message).toContain('orders');
  });

  it('is given back: machines, keys in etcd and etcd users are gone', async () => {
    const gone = await platform.api.deleteCluster(cluster.id, false);
    await succeeds(platform.api, gone.id, 120_000);
    await expect(platform.api.cluster(cluster.id)).rejects.toMatchObject({ status: 404 });
    const names = (await platform.lab.list()).map(({ name }) => name);
    expect(names.filter((name) => name.startsWith(cluster.id.slice(-12)))).toEqual([]);
    const etcdctl = (command: string) =>
      platform.on('etcd1', `env $(grep -v '^#' /etc/pgfleet/etcdctl.env | xargs) etcdctl ${command}`);
    expect(await etcdctl(`get --prefix --keys-only /service/${cluster.id}/`)).toBe('');
    expect(await etcdctl('user list')).not.toContain(cluster.id);
    await events.until('cluster.deleted', cluster.id, 30_000);
  });

  it('leaves the other clusters as they are', async () => {
    for (const { id } of (await platform.api.clusters()).items) {
      await untilCluster(platform.api, id, ({ state }) => state === 'ready', 30_000);
    }
  });
});
