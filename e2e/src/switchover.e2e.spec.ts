import { setTimeout as pause } from 'node:timers/promises';
import type { Cluster, Operation } from '@pgfleet/contracts';
import { checkWrites, explain, runOverSsh, runPgbench, WriteClients } from '@pgfleet/write-checker';
import { Client } from 'pg';
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

describe('a planned switchover', () => {
  let platform: TestPlatform;
  let events: EventListener;
  let cluster: Cluster;
  let before: string;
  let candidate: string;
  let clients: WriteClients;
  let operation: Operation;
  let bench: Awaited<ReturnType<typeof runPgbench>>;
  let session: Client;
  /** The SQLSTATE that ended an idle session on the session port. */
  let sessionEnded: Promise<string | undefined>;

  const request = (): Promise<Operation> =>
    platform.api.call(
      'POST',
      `/clusters/${cluster.id}/switchover`,
      { candidate },
      { 'idempotency-key': `to-${candidate}` },
    );

  beforeAll(async () => {
    platform = await testPlatform();
    cluster = await sharedCluster(platform.api);
    before = leaderOf(cluster) ?? '';
    events = await EventListener.start(platform, 'new');
    const { primaryUri, primarySessionUri, password, user, database } = await platform.api.credentials(
      cluster.id,
    );
    session = new Client({
      connectionString: primarySessionUri.replace('?sslmode=require', ''),
      ssl: { rejectUnauthorized: false },
    });
    sessionEnded = new Promise((resolve) => {
      session.once('error', (error: Error & { code?: string }) => resolve(error.code));
    });
    session.on('error', () => undefined);
    await session.connect();
    clients = new WriteClients(primaryUri, {
      clients: 4,
      pauseMs: 50,
      timeoutMs: 20_000,
      ssl: { rejectUnauthorized: false },
    });
    await clients.start();
    const benched = runPgbench({
      host: cluster.connection?.primary.host ?? '',
      port: 5000,
      database,
      user,
      password,
      clients: 4,
      seconds: 30,
      mode: 'prepared',
      scale: 1,
      builtin: 'simple-update',
      run: runOverSsh(platform.ssh, 'infra1'),
    });
    await until(
      () => Promise.resolve(clients.log.length),
      (count) => count > 40,
      60_000,
    );
    // pgbench has just created its tables, and a candidate that is far behind is refused.
    await untilCluster(
      platform.api,
      cluster.id,
      ({ members }) => members.every(({ lagBytes }) => lagBytes !== null && lagBytes < 2 ** 23),
      30_000,
    );
    candidate = cluster.members.find(({ name }) => name !== before)?.name ?? '';
    const { id } = await request();
    operation = await platform.api.follow(id, 180_000);
    bench = await benched;
    await clients.stop();
  });
  afterAll(async () => {
    await clients?.stop();
    await session?.end().catch(() => undefined);
    await events?.stop();
  });

  it('ends with another leader and every member streaming', async () => {
    expect(operation.error).toBeUndefined();
    expect(operation.state).toBe('succeeded');
    const after = await platform.api.cluster(cluster.id);
    expect(leaderOf(after)).not.toBe(before);
    expect(after.members).toHaveLength(3);
    expect(after.state).toBe('ready');
  });

  it('is answered once more to a client that repeats its request, although the candidate leads by now', async () => {
    expect((await request()).id).toBe(operation.id);
  });

  it('ends no session and fails no transaction of pgbench', () => {
    expect({ failed: bench.failed, disconnects: bench.disconnects, stderr: bench.stderr }).toMatchObject({
      failed: 0,
      disconnects: 0,
    });
    expect(bench.transactions).toBeGreaterThan(100);
    process.stderr.write(`worst stall of pgbench in a switchover: ${bench.worstStallMs.toFixed(0)} ms\n`);
  });

  it('ends an idle session of the session port with 57P01, and takes new ones on the new leader', async () => {
    expect(await sessionEnded).toBe('57P01');
    const { primarySessionUri } = await platform.api.credentials(cluster.id);
    const again = new Client({
      connectionString: primarySessionUri.replace('?sslmode=require', ''),
      ssl: { rejectUnauthorized: false },
    });
    await again.connect();
    const { rows } = await again.query<{ replica: boolean }>('select pg_is_in_recovery() as replica');
    await again.end();
    expect(rows).toEqual([{ replica: false }]);
  });

  it('keeps every acknowledged row, written by clients that never reconnect', async () => {
    const verdict = checkWrites({ log: clients.log, rows: await clients.rows() });
    if (!verdict.ok) throw new Error(explain(verdict).join('; '));
    expect(verdict).toMatchObject({ ok: true, lost: [], unknown: 0, refused: 0 });
    expect(verdict.acknowledged).toBeGreaterThan(40);
    expect(clients.disconnects).toBe(0);
    expect(
      new Set(clients.log.map((attempt) => (attempt.outcome === 'acknowledged' ? attempt.server : ''))).size,
    ).toBe(2);
  });

  it('is said once, and stands in the history', async () => {
    const { data } = await events.until('cluster.switchover.completed', cluster.id, 15_000);
    const after = leaderOf(await platform.api.cluster(cluster.id));
    expect(data).toMatchObject({ from: before, to: after });
    expect(events.of('cluster.switchover.completed', cluster.id)).toHaveLength(1);
    expect(events.of('cluster.failover.started', cluster.id)).toHaveLength(0);
    const { items } = await platform.api.history(cluster.id);
    expect(items[0]).toMatchObject({ leader: after, origin: 'switchover', loss: { bytes: 0, sure: true } });
  });

  it('goes on when the service that drives it is killed while statements are held; the nodes let go by themselves', async () => {
    const writers = new WriteClients((await platform.api.credentials(cluster.id)).primaryUri, {
      clients: 2,
      pauseMs: 50,
      timeoutMs: 20_000,
      ssl: { rejectUnauthorized: false },
    });
    await writers.start();
    const leader = leaderOf(await platform.api.cluster(cluster.id)) ?? '';
    const { id } = await platform.api.switchover(cluster.id, {});
    // Wait for the node's report on the service's machine: from there to the kill it takes milliseconds.
    const address = (await platform.lab.get(leader)).address;
    await platform.on(
      'control1',
      `timeout 60 sh -c 'until curl -s http://${address}:8009/status | grep -Eq "\"state\": \"(stopping|held)\""; do :; done'; systemctl kill -s KILL pgfleet-cluster-service`,
    );
    const ended = await succeeds(platform.api, id, 180_000);
    await writers.stop();
    expect(ended.kind).toBe('cluster.switchover');
    expect(leaderOf(await platform.api.cluster(cluster.id))).not.toBe(leader);
    const verdict = checkWrites({ log: writers.log, rows: await writers.rows() });
    if (!verdict.ok) throw new Error(explain(verdict).join('; '));
    expect(verdict).toMatchObject({ ok: true, unknown: 0, refused: 0 });
    expect(writers.disconnects).toBe(0);
    // The cap plus a margin: the service that drives the switchover may be gone for good.
    expect(writers.worstGap().ms).toBeLessThan(10_000);
  });

  it('is refused with the reason and the members for a candidate that is not fit', async () => {
    const leader = leaderOf(await platform.api.cluster(cluster.id)) ?? '';
    await expect(platform.api.switchover(cluster.id, { candidate: leader })).rejects.toThrow(/leads already/);
    await expect(platform.api.switchover(cluster.id, { candidate: 'nobody' })).rejects.toThrow(/no member/);
    await expect(platform.api.failover(cluster.id, { confirmDataLoss: true })).rejects.toThrow(/is well/);
  });

  it('waits for a long transaction, names it, and terminates it when that is asked for', async () => {
    const { primaryUri } = await platform.api.credentials(cluster.id);
    const connectionString = primaryUri.replace('sslmode=require', 'application_name=night-job');
    const session = new Client({ connectionString, ssl: { rejectUnauthorized: false } });
    session.on('error', () => undefined);
    await session.connect();
    await session.query('begin');
    await session.query('select 1');
    const leader = leaderOf(await platform.api.cluster(cluster.id)) ?? '';
    await pause(1000);
    const refused = await platform.api.switchover(cluster.id, { maxWaitSeconds: 2 });
    const waiting = await until(
      () => platform.api.operation(refused.id),
      ({ steps }) => steps.some(({ data }) => data !== undefined),
      20_000,
    );
    const data = waiting.steps.find((step) => step.data)?.data;
    expect(data).toMatchObject({ blockersTotal: 1, terminated: false });
    expect(data?.blockers[0]).toMatchObject({ node: leader, state: 'idle in transaction' });
    const failed = await platform.api.follow(refused.id, 60_000);
    expect(failed.error?.cause).toMatch(
      /^Open transactions block the switchover. 1 transaction on .* idle in transaction/,
    );
    await session.query('select 1'); // still connected
    const forced = await platform.api.switchover(cluster.id, { maxWaitSeconds: 0, onBlockers: 'terminate' });
    const ended = await succeeds(platform.api, forced.id, 120_000);
    expect(ended.steps.find(({ name }) => name === 'switch')?.data).toMatchObject({
      blockersTotal: 1,
      terminated: true,
    });
    await expect(session.query('select 1')).rejects.toThrow();
    await session.end().catch(() => undefined);
    expect(leaderOf(await platform.api.cluster(cluster.id))).not.toBe(leader);
    await untilCluster(platform.api, cluster.id, ({ state }) => state === 'ready', 60_000);
  });

  it('can be scheduled, and cancelled before its time', async () => {
    const at = new Date(Date.now() + 3_600_000).toISOString();
    const scheduled = await platform.api.switchover(cluster.id, { at });
    expect(scheduled).toMatchObject({ state: 'scheduled', scheduledAt: at });
    await platform.api.call('POST', `/operations/${scheduled.id}/cancel`, {});
    const ended = await until(
      () => platform.api.operation(scheduled.id),
      ({ state }) => state !== 'scheduled',
      10_000,
    );
    expect(ended.state).toBe('cancelled');
  });

  it('can be preceded by a change of profile, durability and TLS, which interrupts nobody', async () => {
    const change = await platform.api.updateCluster(cluster.id, {
      failover: { profile: 'standard', durability: 'async' },
      tls: 'optional',
    });
    expect((await platform.api.follow(change.id, 240_000)).error).toBeUndefined();
    expect(await withoutTls(5000)).toBe('accepted');
    // Patroni reads a changed pg_hba in its next round, up to loop_wait (10 s) after its reload.
    await until(
      () => withoutTls(5002),
      (answer) => answer === 'accepted',
      30_000,
    );
    const config = JSON.parse(
      await platform.on(before, 'curl -s http://$(hostname -I | cut -d" " -f1):8008/config'),
    ) as Record<string, unknown>;
    expect(config).toMatchObject({ ttl: 30, loop_wait: 10, synchronous_mode: false });
    const back = await platform.api.updateCluster(cluster.id, {
      failover: { profile: 'fast', durability: 'quorum' },
      tls: 'required',
    });
    expect((await platform.api.follow(back.id, 240_000)).error).toBeUndefined();
    await untilCluster(platform.api, cluster.id, ({ state }) => state === 'ready', 60_000);
    expect(await platform.api.cluster(cluster.id)).toMatchObject({ tls: 'required' });
    expect(await withoutTls(5000)).toMatch(/SSL required/);
    await until(
      () => withoutTls(5002),
      (answer) => /no encryption/.test(answer),
      30_000,
    );
  });

  const withoutTls = async (port: number): Promise<string> => {
    const { user, password, database } = await platform.api.credentials(cluster.id);
    const host = cluster.connection?.primary.host ?? '';
    const client = new Client({ host, port, user, password, database, ssl: false });
    client.on('error', () => undefined);
    return client.connect().then(
      () => client.end().then(() => 'accepted'),
      (error: Error) => error.message,
    );
  };
});
