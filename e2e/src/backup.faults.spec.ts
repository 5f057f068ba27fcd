import type { Operation, RecoveryWindow } from '@pgfleet/contracts';
import { checkWrites, explain, WriteClients } from '@pgfleet/write-checker';
import { EventListener } from './event-listener';
import { FaultyCluster, storeMachine } from './faulty-cluster';
import { killServices } from './kill-services';
import { endsOnce, logOf, untilSaid } from './operation-log';
import { succeeds, testPlatform, testUser, until, type TestPlatform } from './platform';

const backupMs = 240_000;
/** Said when pgBackRest begins to copy files from a replica: what comes then takes seconds. */
const copying = /replay on the standby reached/;
/** Said when pgBackRest found a lock, its own or another's. */
const locked = /\[050\]/;

const walMegabytes = 768;
const wal = '/var/lib/postgresql/17/main/pg_wal';
const kept = '/var/lib/postgresql/wal-kept';
/** A disk of its own for the WAL of a replica, which shares that of the host otherwise, and a limit on what is kept for reuse. */
const smallDisk = [
  'set -e',
  'systemctl stop patroni',
  `cp -a ${wal} ${kept}`,
  `mount -t tmpfs -o size=${walMegabytes}m,mode=700,uid=postgres,gid=postgres wal ${wal}`,
  `cp -a ${kept}/. ${wal}/`,
  `rm -rf ${kept}`,
  'systemctl start patroni',
  'patronictl -c /etc/patroni/config.yml edit-config --force --quiet -p max_wal_size=256MB',
].join('\n');

/** A cluster of its own, whose store, machines and services are lost while backups are made and WAL is archived. */
describe('faults during backups', () => {
  let platform: TestPlatform;
  let events: EventListener;
  let cluster: FaultyCluster;
  let stanza: string;
  let writers: WriteClients | undefined;

  const say = (text: string) => process.stderr.write(`backup faults: ${text}\n`);
  const follow = ({ id }: Operation) => endsOnce(platform, events, id, backupMs);
  const asPostgres = (node: string, sql: string) =>
    platform.on(node, `runuser -u postgres -- psql -XAtqc "${sql}"`);
  const keep = (fulls: number) =>
    platform.api.call('PUT', `/clusters/${cluster.id}/backup-policy`, { retention: { fulls, days: 0 } });
  const window = () => platform.api.call<RecoveryWindow>('GET', `/clusters/${cluster.id}/recovery-window`);
  /** Nothing holds a lock: a backup is made at the first try. */
  const backsUpAtOnce = async () => {
    const operation = await follow(await cluster.backUp());
    const made = await cluster.madeBy(operation, events);
    expect(made).toMatchObject({ from: 'replica', insteadOfReplica: null });
    expect((await logOf(platform, operation.id)).filter((line) => locked.test(line))).toEqual([]);
    return made;
  };

  beforeAll(async () => {
    platform = await testPlatform();
    events = await EventListener.start(platform, 'new');
    cluster = await FaultyCluster.make(platform, 'backup-faults', await testUser(platform.api));
    ({ stanza } = await cluster.backups());
    await cluster.fill(120);
  }, 400_000);
  afterAll(async () => {
    await writers?.stop();
    await platform?.lab.setPower(storeMachine, 'on').catch(() => undefined);
    await cluster?.remove();
    await events?.stop();
  });

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
    'ansible-runner and backup-service are killed at every step: it is made once, and leaves no lock',
    async () => {
      // One more is one too many, so that there is something to expire.
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
      expect(kills).toEqual(expect.arrayContaining(ran));
      expect(ran).toContain('read_again');
      await cluster.madeBy(await follow(ended), events);
      await keep(9);
      await backsUpAtOnce();
    },
    2 * backupMs,
  );

  it(
    'the store is away for minutes in the middle of a backup, and WAL fills the disk: said before it is full, and over by itself',
    async () => {
      const before = await cluster.nodes();
      await platform.on(before.replica, smallDisk);
      await cluster.nodes();
      await succeeds(platform.api, (await platform.api.switchover(cluster.id)).id, 90_000);
      const { leader } = await cluster.nodes();
      expect(leader).toBe(before.replica);
      const used = async () =>
        Number((await platform.on(leader, `df --output=pcent ${wal} | tail -n 1`)).replace('%', ''));
      const write = (segments: number) =>
        asPostgres(
          leader,
          `select count(pg_logical_emit_message(false, 'spec', repeat('x', 1048576))) from generate_series(1, ${segments * 16})`,
        );
      await until(
        () => asPostgres(leader, 'checkpoint').then(used),
        (percent) => percent < 60,
        60_000,
        1000,
      );

      // The new leader archives by itself: from now on it is known how far.
      await asPostgres(leader, "select pg_logical_emit_message(true, 'spec', 'leads'), pg_switch_wal()");
      await until(
        window,
        ({ archive, timeline }) => timeline !== null && archive.segment !== null,
        60_000,
        500,
      );
      const { primaryUri } = await platform.api.credentials(cluster.id);
      writers = new WriteClients(primaryUri, { ssl: { rejectUnauthorized: false }, pauseMs: 100 });
      await writers.start();
      const { id } = await cluster.backUp();
      await untilSaid(platform, id, copying, 60_000);
      const lostAt = Date.now();
      await platform.lab.setPower(storeMachine, 'off');

      // Quickly up to two thirds, then as a busy cluster does: the mark is to be told while there is room.
      while ((await used()) < 66) await write(2);
      const filling = await until(
        async () => {
          await write(1);
          return { told: events.of('backup.wal.filling', stanza), used: await used() };
        },
        ({ told, used }) => told.length > 0 || used > 95,
        60_000,
        1000,
      );
      say(`wal.filling ${Date.now() - lostAt} ms after the store was lost, at ${filling.used} %`);
      expect(filling.told).toHaveLength(1);
      expect(filling.told[0]?.data).toMatchObject({ clusterId: cluster.id, node: leader });
      expect(filling.told[0]?.data.usedPercent).toBeGreaterThanOrEqual(80);
      expect(filling.used).toBeLessThan(95);
      const metric = (await platform.on('control1', 'curl -sS http://127.0.0.1:8082/metrics'))
        .split('\n')
        .find((line) => line.startsWith('pgfleet_wal_disk_used_ratio') && line.includes(`node="${leader}"`));
      expect(Number(metric?.split(' ').at(-1))).toBeGreaterThanOrEqual(0.8);

      const stalled = await events.until('backup.archive.stalled', stanza, 180_000);
      say(`archive.stalled ${Date.now() - lostAt} ms after the store was lost`);
      expect(stalled.data).toMatchObject({ clusterId: cluster.id, leader });
      expect(stalled.data.lagBytes).toBeGreaterThan(16 << 20);
      expect(Date.now() - lostAt).toBeGreaterThan(90_000);

      // Answered from what was last known, though the store is away.
      const { archive } = await window();
      expect(archive.stalledSince).not.toBeNull();
      expect((await cluster.backups()).items.length).toBeGreaterThan(1);

      await platform.lab.setPower(storeMachine, 'on');
      const backAt = Date.now();
      await events.until('backup.archive.recovered', stanza, 120_000);
      say(`archive.recovered ${Date.now() - backAt} ms after the store was back`);
      const ended = await endsOnce(platform, events, id, backupMs);
      say(`the backup ended ${Date.now() - backAt} ms after the store was back: ${ended.state}`);
      await cluster.madeBy(ended, events);

      await writers.stop();
      const verdict = checkWrites({ log: writers.log, rows: await writers.rows() });
      if (!verdict.ok) throw new Error(explain(verdict).join('; '));
      expect(writers.worstGap({ from: lostAt }).ms).toBeLessThan(10_000);

      await backsUpAtOnce();
      await events.until('backup.wal.drained', stanza, 60_000);
      for (const name of ['archive.stalled', 'archive.recovered', 'wal.filling', 'wal.drained'])
        expect({ name, told: events.of(`backup.${name}`, stanza) }).toMatchObject({ told: { length: 1 } });
    },
    4 * backupMs,
  );

  it('the window goes on from the first backup to now, and what it says is what the store holds', async () => {
    const { leader } = await cluster.nodes();
    const since = Date.now();
    await asPostgres(leader, "select pg_logical_emit_message(true, 'spec', 'passed'), pg_switch_wal()");
    const { gaps, gapsCheckedAt } = await until(
      window,
      ({ latest }) => latest !== null && Date.parse(latest.time) > since - 15_000,
      90_000,
      500,
    );
    expect(gapsCheckedAt).not.toBeNull();
    expect(gaps).toEqual([]);
    expect(events.of('backup.wal.gap.found', stanza)).toEqual([]);
    const listed = await platform.on(
      leader,
      `runuser -u postgres -- pgbackrest --log-level-console=off repo-ls --recurse archive/${stanza}`,
    );
    const names = [...listed.matchAll(/\/([0-9A-F]{24})-/g)].map(([, name = '']) => name);
    // With 16 MiB a segment there are 256 to a file of the middle number; timelines go on where the one before ended.
    const numbers = [
      ...new Set(names.map((name) => parseInt(name.slice(8, 16), 16) * 256 + parseInt(name.slice(16), 16))),
    ].sort((a, b) => a - b);
    expect(numbers.length).toBeGreaterThan(40);
    expect(numbers.at(-1)! - numbers[0]! + 1).toBe(numbers.length);
    say(`${numbers.length} segments without a gap`);
  }, 120_000);
});
