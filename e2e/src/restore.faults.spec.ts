import type { ClusterLineages, Operation, RecoveryWindow } from '@pgfleet/contracts';
import { EventListener } from './event-listener';
import { FaultyCluster, storeMachine } from './faulty-cluster';
import { killServices } from './kill-services';
import { endsOnce, logOf, untilSaid } from './operation-log';
import { testPlatform, testUser, until, type TestPlatform } from './platform';

const restoreMs = 420_000;

/** A cluster of its own. Its object store and services are lost during an in-place restore. */
describe('faults during restores', () => {
  let platform: TestPlatform;
  let events: EventListener;
  let cluster: FaultyCluster;
  /** Between the first and the second row. */
  let between: string;

  const say = (text: string) => process.stderr.write(`restore faults: ${text}\n`);
  const call = <Answer>(method: string, path: string, body?: unknown) =>
    platform.api.call<Answer>(method, `/clusters/${cluster.id}${path}`, body);
  const restore = () => call<Operation>('POST', '/restore', { target: { type: 'time', time: between } });
  const rows = async () => (await cluster.query('select v from rows order by at')).map(({ v }) => v);
  const now = async () => {
    const [row] = await cluster.query(
      `select to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as time`,
    );
    return String(row?.time);
  };

  beforeAll(async () => {
    platform = await testPlatform();
    events = await EventListener.start(platform, 'new');
    cluster = await FaultyCluster.make(platform, 'restore-faults', await testUser(platform.api));
    await cluster.fill(120);
    await cluster.query('create table rows (v text, at timestamptz default clock_timestamp())');
    // Part of the backup, so that a restore copies for seconds.
    const backup = await endsOnce(platform, events, (await cluster.backUp()).id, 180_000);
    await cluster.madeBy(backup, events);
    await cluster.query("insert into rows values ('first')");
    await until(now, (time) => time !== between, 1000);
    between = await now();
    await cluster.query("insert into rows values ('second')");
    const written = Date.parse(await now());
    const { leader } = await cluster.nodes();
    await until(
      async () => {
        const sql = "select pg_logical_emit_message(true, 'spec', 'passed'), pg_switch_wal()";
        await platform.on(leader, `runuser -u postgres -- psql -XAtqc "${sql}"`);
        return call<RecoveryWindow>('GET', '/recovery-window');
      },
      ({ latest }) => latest !== null && Date.parse(latest.time) >= written,
      90_000,
      2000,
    );
  }, 500_000);
  afterAll(async () => {
    await platform?.lab.setPower(storeMachine, 'on').catch(() => undefined);
    await cluster?.remove();
    await events?.stop();
  });

  it(
    'the store is lost in the middle of a restore: it goes on when the store is back, or what was there before is put back',
    async () => {
      const { id } = await restore();
      await untilSaid(platform, id, /restore backup set/, 120_000);
      const lostAt = Date.now();
      await platform.lab.setPower(storeMachine, 'off');
      // Nothing comes from the object store any more, and the restore has not ended.
      const away = await until(
        () => platform.api.operation(id),
        ({ state }) => state !== 'running' || Date.now() - lostAt > 15_000,
        30_000,
      );
      await platform.lab.setPower(storeMachine, 'on');
      expect(away.state).toBe('running');
      const ended = await endsOnce(platform, events, id, restoreMs);
      say(`${ended.state} ${Date.now() - lostAt} ms after the store was lost`);
      const name = ended.state === 'succeeded' ? 'completed' : 'failed';
      await events.until(`cluster.restore.${name}`, cluster.id, 10_000);
      if (ended.state === 'succeeded') {
        expect(await rows()).toEqual(['first']);
        await cluster.idle();
        const undone = await endsOnce(
          platform,
          events,
          (await call<Operation>('POST', '/restore/undo')).id,
          restoreMs,
        );
        expect(undone.error).toBeUndefined();
      } else {
        expect(events.of('cluster.restore.failed', cluster.id)[0]?.data).toMatchObject({ takenBack: true });
      }
      expect(await rows()).toEqual(['first', 'second']);
      expect((await call<ClusterLineages>('GET', '/lineages')).setAside).toBeNull();
      await cluster.nodes();
      await cluster.idle();
    },
    2 * restoreMs,
  );

  it(
    'ansible-runner and backup-service are killed at every step: it is restored once, and backups go on',
    async () => {
      const { id } = await restore();
      const kills: string[] = [];
      let killing = Promise.resolve();
      const begunAt = Date.now();
      await platform.api.follow(id, restoreMs, ({ steps }) => {
        const running = steps.find(({ state }) => state === 'running')?.name;
        if (!running || kills.includes(running)) return;
        kills.push(running);
        killing = killing.then(async () => {
          await killServices(platform, 'ansible-runner', 'backup-service');
        });
      });
      await killing;
      const ended = await endsOnce(platform, events, id, restoreMs);
      say(`killed at ${kills.join(', ')}: ${ended.state} after ${Date.now() - begunAt} ms`);
      expect(ended.error).toBeUndefined();
      // `check`, `check_machines` and `first_backup` may be over before this test sees them.
      const seen = ['restore', 'recover', 'set_aside', 'hand_over'];
      expect(kills).toEqual(expect.arrayContaining([...seen, 'create_stanza', 'rebuild_replicas']));
      expect(await rows()).toEqual(['first']);
      await events.until('cluster.restore.completed', cluster.id, 10_000);
      const { leader, replica } = await cluster.nodes();
      say(`${leader} leads, ${replica} streams`);
      await cluster.idle();
      // The restore's own first backup, then one at the first attempt: no lock was left. backup-service was killed a moment ago.
      const list = await until(
        () => cluster.backups().catch(() => null),
        (answer) => answer !== null,
        60_000,
      );
      const stanza = list?.stanza ?? '';
      expect(events.of('backup.succeeded', stanza)).toHaveLength(1);
      const backup = await endsOnce(platform, events, (await cluster.backUp()).id, 180_000);
      expect(await cluster.madeBy(backup, events)).toMatchObject({ from: 'replica', insteadOfReplica: null });
      expect((await logOf(platform, backup.id)).filter((line) => line.includes('[050]'))).toEqual([]);
      expect(events.of('backup.wal.gap.found', stanza)).toEqual([]);
    },
    2 * restoreMs,
  );
});
