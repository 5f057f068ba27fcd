import type { Cluster, ClusterLineages, Operation, RecoveryWindow } from '@pgfleet/contracts';
import { EventListener } from './event-listener';
import { FaultyCluster } from './faulty-cluster';
import { testPlatform, testUser, until, untilCluster, type TestPlatform } from './platform';

const restoreMs = 420_000;

/**
 * A cluster of its own. Its machines lose power during an in-place restore: customers get either the old data or the restored
 * data.
 */
describe('machines lost during restores', () => {
  let platform: TestPlatform;
  let events: EventListener;
  let cluster: FaultyCluster;
  /** Between the first and the second row. */
  let between: string;
  const off = new Set<string>();

  const say = (text: string) => process.stderr.write(`lost machines: ${text}\n`);
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
  const ready = () => untilCluster(platform.api, cluster.id, ({ state }) => state === 'ready', 240_000);
  const replicasOf = ({ members }: Cluster) =>
    members.filter(({ role }) => role !== 'leader').map(({ name }) => name);
  const power = async (name: string, state: 'on' | 'off') => {
    await platform.lab.setPower(name, state);
    if (state === 'off') off.add(name);
    else off.delete(name);
  };
  /** Acts once, as soon as the step runs, and returns how the operation ended. */
  const atStep = async (id: string, step: string, what: () => Promise<unknown>): Promise<Operation> => {
    let doing: Promise<unknown> | undefined;
    const ended = await platform.api.follow(id, restoreMs, ({ steps }) => {
      if (steps.some(({ name, state }) => name === step && state === 'running')) doing ??= what();
    });
    if (!doing) throw new Error(`${id} was never seen at ${step}: ${JSON.stringify(ended.error)}`);
    await doing;
    return ended;
  };
  const end = (operation: Operation) =>
    `${operation.kind} ${operation.state} ${operation.error?.cause ?? ''}`;
  /** What must hold after either outcome: the rows, and that all machines are in the cluster again. */
  const isWhole = async (restored: boolean) => {
    expect(await rows()).toEqual(restored ? ['first'] : ['first', 'second']);
    await cluster.query("insert into rows values ('probe')");
    await cluster.query("delete from rows where v = 'probe'");
    for (const name of [...off]) await power(name, 'on');
    await ready();
    await cluster.idle();
  };
  const takeBack = async () => {
    const undone = await platform.api.follow((await call<Operation>('POST', '/restore/undo')).id, restoreMs);
    expect(undone.error).toBeUndefined();
    await isWhole(false);
    expect((await call<ClusterLineages>('GET', '/lineages')).setAside).toBeNull();
  };

  beforeAll(async () => {
    platform = await testPlatform();
    events = await EventListener.start(platform, 'new');
    cluster = await FaultyCluster.make(platform, 'lost-machines', await testUser(platform.api), 3);
    await cluster.query('create table rows (v text, at timestamptz default clock_timestamp())');
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
    for (const name of off) await platform.lab.setPower(name, 'on').catch(() => undefined);
    await cluster?.remove();
    await events?.stop();
  });

  it(
    'a replica’s before the standstill: nobody is interrupted',
    async () => {
      const [lost = ''] = replicasOf(await ready());
      const ended = await atStep((await restore()).id, 'recover', () => power(lost, 'off'));
      say(end(ended));
      expect(ended.error).toMatchObject({
        step: 'preflight',
        cause: expect.stringContaining(`${lost} cannot be reached`) as string,
      });
      await isWhole(false);
    },
    2 * restoreMs,
  );

  it(
    'a replica’s in the middle of the standstill: the restore goes on, the replica is rebuilt when it is back',
    async () => {
      const before = await ready();
      const [lost = ''] = replicasOf(before);
      const ended = await atStep((await restore()).id, 'set_aside', () => power(lost, 'off'));
      say(end(ended));
      await isWhole(ended.state === 'succeeded');
      if (ended.state === 'succeeded') await takeBack();
      else
        expect(events.of('cluster.restore.failed', cluster.id).at(-1)?.data).toMatchObject({
          takenBack: true,
        });
    },
    2 * restoreMs,
  );

  it(
    'a replica’s on the way back of a restore that was cancelled: what was there serves on the others',
    async () => {
      const [lost = ''] = replicasOf(await ready());
      const { id } = await restore();
      const ended = await atStep(id, 'set_aside', () =>
        platform.api.call('POST', `/operations/${id}/cancel`),
      );
      say(end(ended));
      if (ended.state === 'succeeded') return takeBack();
      expect(ended.state).toBe('cancelled');
      const { items } = await platform.api.call<{ items: Operation[] }>(
        'GET',
        `/operations?clusterId=${cluster.id}`,
      );
      const back = items.find(({ kind }) => kind.startsWith('cluster.restore.'));
      if (!back) throw new Error('nothing leads back');
      const returned = await atStep(back.id, back.steps[0]?.name ?? '', () => power(lost, 'off'));
      say(end(returned));
      expect(returned.error).toBeUndefined();
      await isWhole(false);
    },
    2 * restoreMs,
  );

  it(
    'the leader’s in the middle of the standstill: what was there, or what was restored, serves',
    async () => {
      const before = await ready();
      const leader = before.members.find(({ role }) => role === 'leader')?.name ?? '';
      const ended = await atStep((await restore()).id, 'set_aside', () => power(leader, 'off'));
      say(end(ended));
      if (ended.state === 'succeeded') return takeBack();
      if (ended.error?.step === 'start_again') return isWhole(false);
      // Its data are on that machine only, and already lead, or nearly.
      await power(leader, 'on');
      await takeBack();
    },
    2 * restoreMs,
  );
});
