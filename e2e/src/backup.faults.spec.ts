import type { Operation, RecoveryWindow } from '@pgfleet/contracts';
import { checkWrites, explain, WriteClients } from '@pgfleet/write-checker';
import { EventListener } from './event-listener';
import { FaultyCluster, storeMachine } from './faulty-cluster';
import { killServices, killStore, startStore } from './kill-services';
import { endsOnce, logOf, untilSaid } from './operation-log';
import { succeeds, testPlatform, testUser, until, untilCluster, type TestPlatform } from './platform';

const backupMs = 240_000;
/** Logged when pgBackRest starts to copy files from a replica; the copy takes seconds. */
const copying = /replay on the standby reached/;
/** Logged when pgBackRest finds a lock, its own or another's. */
const locked = /\[050\]/;
const segmentBytes = 16 << 20;

const walMegabytes = 1024;
const maxWal = '96MB';
const wal = '/var/lib/postgresql/17/main/pg_wal';
const kept = '/var/lib/postgresql/wal-kept';
/** Limits the WAL kept for reuse and the WAL written between two checkpoints. WAL is removed at a checkpoint. */
const littleWal = `patronictl -c /etc/patroni/config.yml edit-config --force --quiet -p max_wal_size=${maxWal}`;
/** Gives the WAL of a stopped member its own disk; otherwise it shares the host's. */
const smallDisk = [
  'set -e',
  `cp -a ${wal} ${kept}`,
  `mount -t tmpfs -o size=${walMegabytes}m,mode=700,uid=postgres,gid=postgres wal ${wal}`,
  `cp -a ${kept}/. ${wal}/`,
  `rm -rf ${kept}`,
  'systemctl start patroni',
].join('\n');

/** A cluster of its own. Its object store, machines and services are lost while backups run and WAL is archived. */
describe('faults during backups', () => {
  let platform: TestPlatform;
  let events: EventListener;
  let cluster: FaultyCluster;
  let stanza: string;
  let writers: WriteClients | undefined;

  const say = (text: string) => process.stderr.write(`backup faults: ${text}\n`);
  const follow = ({ id }: Operation) => endsOnce(platform, events, id, backupMs);
  const keep = (fulls: number) =>
    platform.api.call('PUT', `/clusters/${cluster.id}/backup-policy`, { retention: { fulls, days: 0 } });
  /** Nothing holds a lock: a backup succeeds at the first attempt. */
  const backsUpAtOnce = async () => {
    const operation = await follow(await cluster.backUp());
    const made = await cluster.madeBy(operation, events);
    expect(made).toMatchObject({ from: 'replica', insteadOfReplica: null });
    expect((await logOf(platform, operation.id)).filter((line) => locked.test(line))).toEqual([]);
    return made;
  };
  const asPostgres = (node: string, sql: string) =>
    platform.on(node, `runuser -u postgres -- psql -XAtqc "${sql}"`);
  const write = (node: string, segments: number) =>
    asPostgres(
      node,
      `select count(pg_logical_emit_message(false, 'spec', repeat('x', 1048576))) from generate_series(1, ${segments * 16})`,
    );
  const window = () => platform.api.call<RecoveryWindow>('GET', `/clusters/${cluster.id}/recovery-window`);
  const startWriters = async () => {
    const { primaryUri } = await platform.api.credentials(cluster.id);
    writers = new WriteClients(primaryUri, { ssl: { rejectUnauthorized: false }, pauseMs: 100 });
    await writers.start();
    return writers;
  };
  /** Every acknowledged row is there, and writing never stopped. */
  const keptEveryRow = async (clients: WriteClients, from: number) => {
    await clients.stop();
    const verdict = checkWrites({ log: clients.log, rows: await clients.rows() });
    if (!verdict.ok) throw new Error(explain(verdict).join('; '));
    const gapMs = clients.worstGap({ from }).ms;
    say(`${verdict.acknowledged} rows are there, the longest time without one: ${gapMs} ms`);
    expect(gapMs).toBeLessThan(10_000);
  };
  /** The cluster's current time and WAL position. It commits, because an idle cluster would archive nothing more. */
  const now = async () => {
    const [row] = await cluster.query(
      'select extract(epoch from clock_timestamp())::float8 * 1000 as ms, pg_logical_emit_message(true, $$spec$$, $$$$)::text as lsn',
    );
    return { ms: Number(row?.ms), lsn: String(row?.lsn) };
  };
  const isAtLeast = async (lsn: string, other: string) => {
    const [row] = await cluster.query(`select '${lsn}'::pg_lsn >= '${other}'::pg_lsn as reached`);
    return row?.reached;
  };
  /**
   * The window extends from the first backup to the given position, no gap was published, and the repository has every segment in
   * between.
   */
  const hasNoGap = async (to: { ms: number; lsn: string }) => {
    const { earliest, latest, gaps, gapsCheckedAt } = await until(
      window,
      ({ latest }) => latest !== null && Date.parse(latest.time) >= to.ms,
      120_000,
      500,
    );
    expect(await isAtLeast(latest?.lsn ?? '', to.lsn)).toBe(true);
    expect(gapsCheckedAt).not.toBeNull();
    expect(gaps).toEqual([]);
    expect(events.of('backup.wal.gap.found', stanza)).toEqual([]);
    const { leader } = await cluster.nodes();
    const listed = await platform.on(
      leader,
      `runuser -u postgres -- pgbackrest --log-level-console=off repo-ls --recurse archive/${stanza}`,
    );
    const names = [...listed.matchAll(/\/([0-9A-F]{24})-/g)].map(([, name = '']) => name);
    // With segments of 16 MiB, each value of the middle number has 256 of them; a timeline continues where the previous one
    // ended.
    const numbers = [
      ...new Set(names.map((name) => parseInt(name.slice(8, 16), 16) * 256 + parseInt(name.slice(16), 16))),
    ].sort((a, b) => a - b);
    expect(numbers.at(-1)! - numbers[0]! + 1).toBe(numbers.length);
    say(
      `the window is from ${earliest?.lsn} to ${latest?.lsn}, beyond ${to.lsn}; ${numbers.length} segments without a gap`,
    );
    return numbers.length;
  };
  /** pgBackRest writes its progress to its lock file once it starts to copy. */
  const untilCopies = (node: string) =>
    until(
      () => platform.on(node, `cat /run/postgresql/pgbackrest/${stanza}-backup-1.lock || true`),
      (lock) => lock.includes('szCplt'),
      60_000,
      50,
    );
  /** Waits until the API shows a member streaming, at most a segment behind, or not streaming. */
  const untilStreams = (name: string, streams: boolean) =>
    untilCluster(
      platform.api,
      cluster.id,
      ({ members }) => {
        const member = members.find((one) => one.name === name);
        const isNear = member?.lagBytes != null && member.lagBytes < segmentBytes;
        return streams ? member?.state === 'streaming' && isNear : member?.state !== 'streaming';
      },
      120_000,
    );

  beforeAll(async () => {
    platform = await testPlatform();
    events = await EventListener.start(platform, 'new');
    cluster = await FaultyCluster.make(platform, 'backup-faults', await testUser(platform.api));
    ({ stanza } = await cluster.backups());
    await cluster.fill(120);
  }, 400_000);
  // Leftovers of a failed test must not make the next one fail.
  afterEach(async () => {
    await writers?.stop();
    await platform?.lab.setPower(storeMachine, 'on');
    await startStore(platform);
  }, 60_000);
  afterAll(async () => {
    await cluster?.remove();
    await events?.stop();
  });

  it(
    'ansible-runner and backup-service are killed at every step: it is made once, and leaves no lock',
    async () => {
      // Keep only one, so that another backup makes one expire.
      await keep(1);
      const { id } = await cluster.backUp();
      await untilSaid(platform, id, copying, 60_000);
      const kills: string[] = [];
      const kill = async (step: string) => {
        kills.push(step);
        await killServices(platform, 'ansible-runner', 'backup-service');
      };
      const killedAt = Date.now();
      await kill('back_up_from_replica');
      let killing = Promise.resolve();
      const ended = await platform.api.follow(id, backupMs, ({ steps }) => {
        const running = steps.find(({ state }) => state === 'running')?.name;
        if (running && !kills.includes(running)) killing = kill(running);
      });
      await killing;
      say(`killed at ${kills.join(', ')}: ended after ${Date.now() - killedAt} ms`);
      const ran = ended.steps.filter(({ state }) => state === 'succeeded').map(({ name }) => name);
      // Steps that only look something up may be over before this test sees them.
      expect(ran).toContain('read_again');
      expect(kills).toEqual(expect.arrayContaining(['back_up_from_replica', 'record']));
      await cluster.madeBy(await follow(ended), events);
      await keep(9);
      await backsUpAtOnce();
    },
    2 * backupMs,
  );

  it(
    'the machine of the replica that makes a backup loses power: the leader makes it',
    async () => {
      const { leader, replica } = await cluster.nodes();
      const { id } = await cluster.backUp();
      await untilSaid(platform, id, copying, 60_000);
      const lostAt = Date.now();
      await platform.lab.setPower(replica, 'off');
      const ended = await endsOnce(platform, events, id, backupMs);
      say(`the replica's machine lost: ended after ${Date.now() - lostAt} ms`);
      const made = await cluster.madeBy(ended, events);
      expect(made).toMatchObject({ from: 'leader', member: leader });
      expect(made.insteadOfReplica).toContain(replica);
      await platform.lab.setPower(replica, 'on');
      await cluster.nodes();
    },
    2 * backupMs,
  );

  it(
    'the store is killed while WAL is archived, and while a full backup copies: both go on by themselves, and no gap is left',
    async () => {
      const { leader, replica } = await cluster.nodes();
      const clients = await startWriters();
      // In the middle of pushing segments.
      const lostAt = Date.now();
      const [filled] = await Promise.allSettled([write(leader, 8), killStore(platform)]);
      expect(filled.status).toBe('fulfilled');
      const { archive } = await until(
        window,
        ({ archive }) => archive.failing !== null && (archive.lagSeconds ?? 0) > 75,
        180_000,
        1000,
      );
      expect(archive.lagBytes).toBeGreaterThan(4 * segmentBytes);
      say(
        `${Date.now() - lostAt} ms after the store was killed: ${archive.failing?.segment} fails, ` +
          `${archive.lagBytes} bytes and ${archive.lagSeconds?.toFixed(0)} s behind`,
      );
      const away = await now();
      await startStore(platform);
      const backAt = Date.now();
      await until(
        window,
        ({ archive, latest }) => archive.failing === null && Date.parse(latest?.time ?? '') >= away.ms,
        180_000,
        500,
      );
      say(`archived what was written meanwhile ${Date.now() - backAt} ms after the store was back`);

      const { id } = await cluster.backUp();
      await untilCopies(replica);
      const killedAt = Date.now();
      await killStore(platform);
      await until(window, ({ archive }) => archive.failing !== null, 180_000, 1000);
      const alsoAway = await now();
      // Nothing reaches the object store any more, and the backup has not ended.
      expect(await platform.api.operation(id)).toMatchObject({ state: 'running' });
      await startStore(platform);
      const awayMs = Date.now() - killedAt;
      const ended = await endsOnce(platform, events, id, 2 * backupMs);
      const made = await cluster.madeBy(ended, events);
      expect(ended.steps.filter(({ state }) => state !== 'succeeded' && state !== 'pending')).toEqual([]);
      say(
        `${ended.state} ${Date.now() - killedAt} ms after the store was killed, which was away for ${awayMs} ms: ` +
          `made from the ${made.from}, ${made.insteadOfReplica ?? 'as it was begun'}`,
      );

      // A stalled archive is published once, and so is its recovery.
      await until(
        () =>
          Promise.resolve(
            ['stalled', 'recovered'].map((name) => events.of(`backup.archive.${name}`, stanza)),
          ),
        ([stalled = [], recovered = []]) => stalled.length === recovered.length,
        60_000,
      );
      await backsUpAtOnce();
      await keptEveryRow(clients, lostAt);
      await hasNoGap(alsoAway);
    },
    6 * backupMs,
  );

  it(
    'the store is away for minutes, and WAL fills the disk: said before it is full, and over by itself',
    async () => {
      const { replica: next } = await cluster.nodes();
      await platform.on(next, littleWal);
      const hasLittleWal = () =>
        until(
          () => asPostgres(next, 'show max_wal_size'),
          (value) => value.trim() === maxWal,
          60_000,
          500,
        );
      await hasLittleWal();
      await platform.on(next, 'systemctl stop patroni');
      await untilStreams(next, false);
      await platform.on(next, smallDisk);
      await untilStreams(next, true);
      const { leader: before } = await cluster.nodes();
      await succeeds(platform.api, (await platform.api.switchover(cluster.id)).id, 90_000);
      const { leader } = await cluster.nodes();
      expect(before).not.toBe(next);
      expect(leader).toBe(next);
      await hasLittleWal();
      const used = async () =>
        Number((await platform.on(leader, `df --output=pcent ${wal} | tail -n 1`)).replace('%', ''));
      const ratio = async () => {
        const metrics = await platform.on('control1', 'curl -sS http://127.0.0.1:8082/metrics');
        const ofLeader = (line: string) =>
          line.startsWith('pgfleet_wal_disk_used_ratio') && line.includes(`node="${leader}"`);
        return Number(metrics.split('\n').find(ofLeader)?.split(' ').at(-1));
      };
      const heard = events.deduplicated().length;
      const told = (name: string) =>
        events
          .deduplicated()
          .slice(heard)
          .filter((event) => event.name === `backup.${name}` && event.subject === stanza);
      await until(
        () => asPostgres(leader, 'checkpoint').then(used),
        (percent) => percent < 60,
        60_000,
        1000,
      );
      // The new leader starts to archive, so from now on its progress is known.
      await asPostgres(leader, "select pg_logical_emit_message(true, 'spec', 'leads'), pg_switch_wal()");
      await until(
        window,
        ({ archive, timeline }) => timeline !== null && archive.segment !== null,
        60_000,
        500,
      );
      const clients = await startWriters();
      const lostAt = Date.now();
      await platform.lab.setPower(storeMachine, 'off');

      // Fill the disk quickly to two thirds, then at the rate of a busy cluster: the event must come while there is still room.
      await until(
        () => write(leader, 2).then(used),
        (percent) => percent >= 66,
        120_000,
      );
      const filling = await until(
        async () => {
          await write(leader, 1);
          return { told: told('wal.filling'), used: await used() };
        },
        (sight) => sight.told.length > 0 || sight.used > 95,
        90_000,
        3000,
      );
      say(
        `wal.filling ${Date.now() - lostAt} ms after the store was lost: ` +
          `at ${String(filling.told[0]?.data.usedPercent)} %, told at ${filling.used} %`,
      );
      expect(filling.told).toHaveLength(1);
      expect(filling.told[0]?.data).toMatchObject({ clusterId: cluster.id, node: leader });
      expect(filling.told[0]?.data.usedPercent).toBeGreaterThanOrEqual(80);
      expect(filling.used).toBeLessThan(95);
      const full = await until(ratio, (value) => value >= 0.8, 15_000, 500);
      say(`pgfleet_wal_disk_used_ratio ${full}`);

      const [stalled] = await until(
        () => Promise.resolve(told('archive.stalled')),
        (all) => all.length > 0,
        180_000,
      );
      const stalledMs = Date.now() - lostAt;
      say(`archive.stalled ${stalledMs} ms after the store was lost, at ${await used()} %`);
      expect(stalled?.data).toMatchObject({ clusterId: cluster.id, leader });
      expect(stalled?.data.lagBytes).toBeGreaterThan(segmentBytes);
      expect(stalledMs).toBeGreaterThan(90_000);
      // Answered from the last known state, although the object store is away.
      expect((await window()).archive.stalledSince).not.toBeNull();
      expect((await cluster.backups()).items.length).toBeGreaterThan(0);
      const away = await now();

      await platform.lab.setPower(storeMachine, 'on');
      const backAt = Date.now();
      await until(
        () => Promise.resolve(told('archive.recovered')),
        (all) => all.length > 0,
        180_000,
      );
      say(`archive.recovered ${Date.now() - backAt} ms after the store was back`);
      await until(
        window,
        ({ archive }) => archive.lagBytes !== null && archive.lagBytes < 2 * segmentBytes,
        120_000,
        1000,
      );
      say(`it caught up ${Date.now() - backAt} ms after the store was back`);
      // On a busy cluster, writing triggers the next checkpoint, and that removes WAL.
      await until(
        async () => {
          if ((await used()) < 97) await write(leader, 1);
          return { told: told('wal.drained'), used: await used() };
        },
        (sight) => sight.told.length > 0,
        360_000,
        3000,
      );
      const drained = await until(ratio, (value) => value < 0.75, 15_000, 500);
      say(
        `wal.drained ${Date.now() - backAt} ms after the store was back; pgfleet_wal_disk_used_ratio ${drained}`,
      );
      await backsUpAtOnce();
      await keptEveryRow(clients, lostAt);
      expect(await hasNoGap(away)).toBeGreaterThan(30);
      for (const name of ['archive.stalled', 'archive.recovered', 'wal.filling', 'wal.drained'])
        expect({ name, told: told(name) }).toMatchObject({ told: { length: 1 } });
    },
    6 * backupMs,
  );
});
