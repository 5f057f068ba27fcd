import { setTimeout as pause } from 'node:timers/promises';
import {
  hasEnded,
  type BackupList,
  type Cluster,
  type ClusterHealth,
  type ClusterLineages,
  type Lineage,
  type Operation,
  type RecoveryMoment,
  type RecoveryWindow,
  type RestoreTarget,
  type WalState,
} from '@pgfleet/contracts';
import { Client } from 'pg';
import { EventListener } from './event-listener';
import { NumberedWriter } from './numbered-writer';
import { leaderOf, testPlatform, testUser, until, untilCluster, type TestPlatform } from './platform';
import { windowAges, type WindowAge } from './window-ages';

const restoreMs = 300_000;
/** Decision 9 promises this. */
const oldestWindowMs = 60_000;
/** More than three times as long as `archive_timeout` lets an unfilled segment last. */
const idleMs = 150_000;

interface Refusal {
  code: string;
  detail: string;
  remedy?: string;
  nearest?: Record<'before' | 'after', RecoveryMoment | null>;
  errors?: { path: string; message: string }[];
}

/** Restores of a cluster of its own. The spec knows each of its rows and when it was written. */
describe('restores', () => {
  let platform: TestPlatform;
  let events: EventListener;
  let cluster: Cluster;
  /** Between the first and the second row. */
  let between: string;
  let copy: Cluster | undefined;
  /** The age of the end of the copy's window while nobody used the copy. */
  let idle: Promise<WindowAge[]> | undefined;

  const connection = async (id = cluster.id) => {
    const { primaryUri, caCertificate } = await platform.api.credentials(id);
    return { uri: primaryUri.replace('?sslmode=require', ''), ca: caCertificate };
  };
  const query = async (sql: string, id = cluster.id): Promise<Record<string, unknown>[]> => {
    const { uri: connectionString, ca } = await connection(id);
    const client = new Client({ connectionString, ssl: { ca } });
    await client.connect();
    try {
      return (await client.query(sql)).rows as Record<string, unknown>[];
    } finally {
      await client.end();
    }
  };
  const rows = async (id = cluster.id) =>
    (await query('select v from rows order by at', id)).map(({ v }) => v as string);
  const superuser = (sql: string) =>
    platform.on(leaderOf(cluster) ?? '', `runuser -u postgres -- psql -XAtqc "${sql}"`);
  const lineages = (id = cluster.id) => platform.api.call<ClusterLineages>('GET', `/clusters/${id}/lineages`);
  const backups = (id = cluster.id) =>
    until(
      () => platform.api.call<BackupList>('GET', `/clusters/${id}/backups`).catch(() => null),
      (list): list is BackupList => list !== null && list.items.some(({ type }) => type === 'full'),
      180_000,
      1000,
    );
  const post = (path: string, body?: unknown) =>
    platform.api.call<Operation>('POST', `/clusters/${cluster.id}/restore${path}`, body);
  const followed = async ({ id }: Operation) => {
    const operation = await platform.api.follow(id, restoreMs);
    expect(operation.error).toBeUndefined();
    expect(operation.state).toBe('succeeded');
    cluster = await platform.api.cluster(cluster.id);
  };
  /** A restore that must be refused with a machine-readable error; the cluster stays as it is. */
  const asked = async (target: object, status: number) => {
    const before = await platform.api.cluster(cluster.id);
    const held = await rows();
    const { url, token } = platform.api.address;
    const response = await fetch(`${url}/clusters/${cluster.id}/restore`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ target }),
    });
    const problem = (await response.json()) as Refusal;
    expect([response.status, problem]).toEqual([status, problem]);
    expect(response.headers.get('content-type')).toContain('application/problem+json');
    expect(await platform.api.cluster(cluster.id)).toMatchObject({
      state: before.state,
      timeline: before.timeline,
      operationId: null,
    });
    expect(await rows()).toEqual(held);
    expect(held).toEqual(['first', 'second']);
    return { problem };
  };
  const restored = async (target: RestoreTarget) => followed(await post('', { target }));
  const undone = async () => followed(await post('/undo'));
  /** Waits until everything that was written is in the archive and in the window. */
  const archived = async () => {
    const [now] = await query(
      `select to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as time`,
    );
    // With a commit after it: recovery to a time ends at a commit.
    await superuser("select pg_logical_emit_message(true, 'spec', 'passed'), pg_switch_wal()");
    await until(
      () => platform.api.call<RecoveryWindow>('GET', `/clusters/${cluster.id}/recovery-window`),
      ({ latest }) => latest !== null && Date.parse(latest.time) >= Date.parse(String(now?.time)),
      90_000,
      500,
    );
  };
  /** Every member is on the same timeline, and all but the leader stream. */
  const whole = async () => {
    const seen = await untilCluster(platform.api, cluster.id, ({ state }) => state === 'ready', 60_000);
    expect(seen.members.map(({ state }) => state).sort()).toEqual(['running', 'streaming', 'streaming']);
    expect(new Set(seen.members.map(({ timeline }) => timeline)).size).toBe(1);
    return seen;
  };

  beforeAll(async () => {
    platform = await testPlatform();
    events = await EventListener.start(platform, 'new');
    const userId = await testUser(platform.api);
    const { id, clusterId } = await platform.api.createCluster({ name: 'restores', userId, nodes: 3 });
    const made = await platform.api.follow(id, 180_000);
    expect(made.error).toBeUndefined();
    cluster = await platform.api.cluster(clusterId ?? '');
    await backups();
    // The first backup is listed for a while before its operation ends.
    await until(
      () => platform.api.call<{ items: Operation[] }>('GET', `/operations?clusterId=${cluster.id}`),
      ({ items }) => items.every(hasEnded),
      60_000,
      500,
    );
    await query('create table rows (v text, at timestamptz default clock_timestamp())');
    await query("insert into rows values ('first')");
    await pause(50);
    await followed(
      await platform.api.call<Operation>('POST', `/clusters/${cluster.id}/restore-points`, {
        name: 'between',
      }),
    );
    const [place] = await query(
      `select to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as time`,
    );
    between = String(place?.time);
    await pause(50);
    await query("insert into rows values ('second')");
    await archived();
  }, 600_000);
  afterAll(async () => {
    await events?.stop();
    for (const made of [copy, cluster])
      if (made) await platform.api.deleteCluster(made.id, false).catch(() => undefined);
  });

  const refused = { status: 422, code: 'target-out-of-reach' };
  it.each<[string, object, 'before' | 'after']>([
    ['a time before the window', { type: 'time', time: '2000-01-01T00:00:00Z' }, 'after'],
    ['a time after it', { type: 'time', time: '2100-01-01T00:00:00.5+01:00' }, 'before'],
    ['a position before the window', { type: 'lsn', lsn: '0/1' }, 'after'],
    ['a position beyond it', { type: 'lsn', lsn: 'FFFF/0' }, 'before'],
    ['a transaction that is not known', { type: 'xid', xid: '2000000000' }, 'before'],
    ['a name that nobody gave', { type: 'name', name: 'nowhere' }, 'before'],
    ['a backup that was not made', { type: 'backup', label: '20000101-000000F' }, 'before'],
    ['a timeline that nobody wrote', { type: 'latest', timeline: 99 }, 'before'],
  ])(
    'refuses %s with the nearest that there is, and leaves the cluster alone',
    async (_, target, nearest) => {
      const { problem } = await asked(target, refused.status);
      expect(problem).toMatchObject({ ...refused, detail: expect.stringMatching(/./) as string });
      const moment = problem.nearest?.[nearest];
      expect(moment).toEqual({
        time: expect.stringMatching(/Z$/) as string,
        lsn: expect.stringMatching(/^[0-9A-F]+\/[0-9A-F]+$/) as string,
      });
      expect(problem.remedy).toContain(moment?.time);
    },
  );

  it.each<[string, object]>([
    ['a time without an offset', { type: 'time', time: '2026-11-23T12:00:00' }],
    ['a time as PostgreSQL writes it', { type: 'time', time: '2026-11-23 12:00:00+00' }],
    ['a day that there is not', { type: 'time', time: '2026-02-30T12:00:00Z' }],
    ['a word for a time', { type: 'time', time: 'yesterday' }],
    ['what is no position', { type: 'lsn', lsn: '16777216' }],
    ['what is no transaction', { type: 'xid', xid: '0' }],
    ['what is no label', { type: 'backup', label: 'newest' }],
    ['to stop before everything', { type: 'latest', inclusive: false }],
    ['to stop before a name', { type: 'name', name: 'between', inclusive: false }],
    ['to stop before the end of a backup', { type: 'backup', label: '20000101-000000F', inclusive: false }],
    ['another kind', { type: 'immediate' }],
  ])('refuses %s as bad input, and leaves the cluster alone', async (_, target) => {
    const { problem } = await asked(target, 400);
    expect(problem.errors?.map(({ path }) => path).join()).toMatch(/^\/target/);
  });

  it(
    'goes to a time between two rows: sessions come back, members stream, archiving goes on, a backup is made',
    async () => {
      const [origin] = (await lineages()).items;
      const before = await platform.api.cluster(cluster.id);
      await restored({ type: 'time', time: between });
      expect(await rows()).toEqual(['first']);
      const after = await whole();
      expect(after.timeline).toBeGreaterThan(before.timeline ?? 0);
      await query("insert into rows values ('third')");
      await archived();
      const list = await backups();
      expect(list.stanza).not.toBe(origin?.stanza);
      const { items, setAside } = await lineages();
      expect(items).toHaveLength(2);
      expect(items[0]).toMatchObject({
        stanza: list.stanza,
        current: true,
        from: { stanza: origin?.stanza, target: { type: 'time' } },
      });
      expect(setAside).not.toBeNull();
      await events.until('cluster.restore.completed', cluster.id, 15_000);
      expect(events.of('cluster.restore.started', cluster.id)).toHaveLength(1);
      expect(events.of('cluster.failover.started', cluster.id)).toHaveLength(0);
      const { items: history } = await platform.api.history(cluster.id);
      expect(history[0]).toMatchObject({ origin: 'restore' });
    },
    2 * restoreMs,
  );

  it('is not restored again before that is confirmed or undone', async () => {
    await expect(post('', { target: { type: 'latest' } })).rejects.toMatchObject({ status: 409 });
  });

  it(
    'works whatever its customer does with SQL, and says what that is',
    async () => {
      const { uri: connectionString, ca } = await connection();
      const client = new Client({ connectionString, ssl: { ca } });
      await client.connect();
      for (const statement of [
        'drop schema public cascade',
        'alter default privileges revoke execute on functions from public',
        'revoke connect on database app from public, pgfleet_monitor',
        "alter database app set statement_timeout = '1ms'",
        'alter database app connection limit 0',
        "alter role app set search_path = ''",
        'alter role app set default_transaction_read_only = on',
        'revoke connect on database app from app',
        "alter role app password 'known to the customer'",
      ])
        await client.query(statement);
      await client.end();
      expect(await platform.api.credentials(cluster.id)).toMatchObject({ current: false });
      const { notices } = await until(
        // Not known for a moment after a restore: a cluster is not probed while it is restored.
        () => platform.api.call<ClusterHealth>('GET', `/clusters/${cluster.id}/health`).catch(() => null),
        (health): health is ClusterHealth =>
          health !== null && health.notices.length >= 3 && health.state === 'healthy',
        60_000,
      );
      expect(notices.join()).toMatch(/CONNECT.*connection limit.*read-only/);
      await followed(
        await platform.api.call<Operation>('POST', `/clusters/${cluster.id}/backups`, {
          type: 'incremental',
        }),
      );
      await followed(await platform.api.call<Operation>('POST', `/clusters/${cluster.id}/switchover`, {}));
    },
    restoreMs,
  );

  it(
    'is undone: what was there is there again, in the lineage of before, with the password of now',
    async () => {
      await undone();
      // The customer's revocations went with the restored data, but their own password is still in force.
      expect(await platform.api.credentials(cluster.id)).toMatchObject({ current: false });
      await followed(
        await platform.api.call<Operation>('POST', `/clusters/${cluster.id}/credentials/rotate`),
      );
      expect(await platform.api.credentials(cluster.id)).toMatchObject({ current: true });
      expect(await rows()).toEqual(['first', 'second']);
      await whole();
      const { items, setAside } = await lineages();
      expect(items.map(({ current }) => current)).toEqual([false, true]);
      expect(setAside).toBeNull();
      await query("insert into rows values ('fourth')");
      await archived();
      await events.until('cluster.restore.undone', cluster.id, 15_000);
    },
    restoreMs,
  );

  it(
    'gives its data up to a position to a new cluster while it takes writes, and nothing happens to it',
    async () => {
      const before = await platform.api.cluster(cluster.id);
      const { uri, ca } = await connection();
      const writer = await NumberedWriter.start(uri, ca);
      const reaches = (number: number) =>
        until(
          () => Promise.resolve(writer),
          ({ written, errors }) => written >= number || errors.length > 0,
          60_000,
        );
      await reaches(100);
      const middle = await writer.mark();
      await reaches(middle.number + 100);
      await archived();
      const began = events.deduplicated().length;
      const body = {
        name: 'restores-copy',
        userId: cluster.userId,
        nodes: 2,
        fromBackup: { clusterId: cluster.id, target: { type: 'lsn', lsn: middle.lsn } },
      };
      const { id, clusterId } = await platform.api.call<Operation>('POST', '/clusters', body);
      copy = await platform.api.cluster(clusterId ?? '');
      const atFirst = writer.written;
      const made = await platform.api.follow(id, restoreMs);
      expect(made.error).toBeUndefined();
      copy = await platform.api.cluster(copy.id);
      const numbers = 'select count(*)::int as count, min(n) as first, max(n) as last from numbered';
      const upTo = (last: number) => [{ count: last, first: 1, last }];
      expect(await query(numbers, copy.id)).toEqual(upTo(middle.number));
      expect(await rows(copy.id)).toEqual(['first', 'second', 'fourth']);
      expect(copy.members.map(({ state }) => state).sort()).toEqual(['running', 'streaming']);
      await query("insert into rows values ('of the copy')", copy.id);
      expect((await backups(copy.id)).stanza).toBe((await lineages(copy.id)).items[0]?.stanza);

      await writer.stop();
      expect(writer.errors).toEqual([]);
      // The writer kept going all the time.
      expect(writer.written).toBeGreaterThan(atFirst + 100);
      expect(await query(numbers)).toEqual(upTo(writer.written));
      expect(await rows()).toEqual(['first', 'second', 'fourth']);
      const of = ({ state, timeline, operationId, members }: Cluster) => ({
        ...{ state, timeline, operationId },
        members: members.map(({ name, role, state }) => ({ name, leads: role === 'leader', state })),
      });
      expect(of(await platform.api.cluster(cluster.id))).toEqual(of(before));
      const said = events.deduplicated().slice(began);
      expect(said.filter(({ subject }) => subject === cluster.id)).toEqual([]);
      // A scheduled backup would switch segments.
      const change = { schedules: { full: null, differential: null, incremental: null } };
      await platform.api.call('PUT', `/clusters/${copy.id}/backup-policy`, change);
      idle = windowAges(platform, copy.id, idleMs);
      // A failure before it is awaited must not end the process.
      idle.catch(() => undefined);
    },
    2 * restoreMs,
  );

  it(
    'is confirmed, and restored once more from the lineage of before',
    async () => {
      await restored({ type: 'latest' });
      expect(await rows()).toEqual(['first', 'second', 'fourth']);
      await followed(await post('/confirm'));
      expect((await lineages()).setAside).toBeNull();
      const target: RestoreTarget = { type: 'name', name: 'between' };
      const from = (await lineages()).items.find(({ from }) => from === null)?.stanza;
      await followed(await post('', { target, stanza: from }));
      expect(await rows()).toEqual(['first']);
      await whole();
    },
    3 * restoreMs,
  );

  it('deletes what it has left, and nothing that it may return to, when the policy keeps that no longer', async () => {
    const before = await lineages();
    const isKept = ({ stanza, current }: Lineage) => current || stanza === before.setAside?.stanza;
    const left = before.items.filter((lineage) => !isKept(lineage));
    expect(left).toHaveLength(before.items.length - 2);
    expect(left.every(({ expiresAt }) => Date.parse(expiresAt ?? '') > Date.now())).toBe(true);
    expect(before.items.filter(isKept).map(({ expiresAt }) => expiresAt)).toEqual([null, null]);
    await platform.api.call('PUT', `/clusters/${cluster.id}/backup-policy`, { retention: { leftDays: 0 } });
    for (const { stanza } of left) {
      const { data } = await events.until('backup.lineage.expired', stanza, 60_000);
      const deleted = await events.until('backup.stanza.deleted', stanza, 120_000);
      expect(deleted.correlationid).toBe(data.operationId);
    }
    const { items } = await until(
      () => lineages(),
      (now) => now.items.length === 2,
      15_000,
    );
    expect(items.map(({ stanza }) => stanza)).toEqual(
      before.items.filter(isKept).map(({ stanza }) => stanza),
    );
    const inStore = await platform.on(
      leaderOf(cluster) ?? '',
      'runuser -u postgres -- pgbackrest --repo1-path=/ --log-level-console=off repo-ls',
    );
    for (const { stanza } of items) expect(inStore).toContain(stanza);
    for (const { stanza } of left) expect(inStore).not.toContain(stanza);
  }, 300_000);

  it(
    'never has a window that is older than a minute while nobody uses it, and switches no segments for that',
    async () => {
      const ages = (await idle) ?? [];
      const wal = await platform.api.call<WalState>('GET', `/clusters/${copy!.id}/wal`);
      expect(ages.length).toBeGreaterThan(30);
      // While nothing ran for a moment, nothing was archived either.
      const stoodStillMs = Math.max(...ages.map(({ lateMs }) => lateMs));
      const oldest = Math.max(...ages.map(({ ageMs }) => ageMs));
      process.stdout.write(
        `  an idle window: ${ages.length} looks, oldest ${(oldest / 1000).toFixed(1)} s, the latest look ${stoodStillMs} ms late\n`,
      );
      expect(ages.filter(({ ageMs }) => ageMs > oldestWindowMs + stoodStillMs)).toEqual([]);
      process.stdout.write(`  no segment was begun for ${wal.secondsSinceSwitch} s\n`);
      // Twice as long as archive_timeout lets a segment with commits last.
      expect(wal.secondsSinceSwitch).toBeGreaterThan(80);
      expect(wal.archive.settledAt).not.toBeNull();
    },
    idleMs,
  );
});
