import type { StepData } from '@pgfleet/contracts';
import type { Outcome, StepContext } from '@pgfleet/operations';
import type { ClusterSight, NodeReport, PlannedSwitchover } from '@pgfleet/patroni';
import { Switchover } from './switchover.program';

const since = new Date(Date.now() - 70_000).toISOString();
const sessions = (...pids: number[]) =>
  pids.map((pid) => ({
    pid,
    user: 'app',
    database: 'app',
    application: 'psql',
    state: 'idle in transaction',
    since,
  }));
const said = (id: string, ...pids: number[]): NodeReport['blockers'] => ({
  id,
  total: pids.length,
  terminated: false,
  sessions: sessions(...pids),
});

/** A cluster of two with simulated agents: each look returns the next of `reports`. */
class Control {
  nodes: Record<string, Partial<NodeReport>> = {};
  leader = 'n1';
  readonly orders: PlannedSwitchover[] = [];
  asked = 0;
  stopped = 0;
  /** The answers of the leader's node to each request for blockers. */
  blockers: number[][] = [[]];
  onHold: (id: string) => void = () => undefined;

  askForBlockers = (_: string, { id }: { id: string }): Promise<void> => {
    this.asked++;
    const [pids = []] = this.blockers.length > 1 ? this.blockers.splice(0, 1) : this.blockers;
    this.nodes.n1 = { ...this.nodes.n1, blockers: said(id, ...pids) };
    return Promise.resolve();
  };
  stopAskingForBlockers = (): Promise<void> => Promise.resolve(void this.stopped++);
  order = (_: string, order: PlannedSwitchover): Promise<void> => {
    this.orders.push(order);
    if (order.phase === 'hold') this.onHold(order.id);
    else
      for (const name of ['n1', 'n2'])
        this.nodes[name] = {
          ...this.nodes[name],
          hold: { id: order.id, state: 'prepared', ms: 1, reason: null },
        };
    return Promise.resolve();
  };
  withdraw = (): Promise<void> => Promise.resolve();
  sight = (): Promise<ClusterSight> =>
    Promise.resolve({
      leader: this.leader,
      members: new Map(['n1', 'n2'].map((name) => [name, {}])),
      nodes: new Map(Object.entries(this.nodes)),
    } as unknown as ClusterSight);
  watch = async <T>(
    _: string,
    look: (sight: ClusterSight) => T | undefined,
    { withinMs }: { withinMs: number },
  ): Promise<T | undefined> => {
    const found = look(await this.sight());
    if (found === undefined) await new Promise((resolve) => setTimeout(resolve, Math.min(withinMs, 20)));
    return found;
  };
}

describe('a planned switchover with blockers', () => {
  let control: Control;
  let program: Switchover;
  let notes: string[];
  let shown: StepData[];
  const run = (step: 'prepare' | 'switch', input: object, waitsInMs: number, more: object = {}) => {
    const context = {
      clusterId: 'clu_1',
      operationId: 'op_1',
      key: `op_1/${step}`,
      attempt: 1,
      input: { candidate: null, ...input },
      results: {
        check: {
          leader: 'n1',
          candidate: 'n2',
          timeline: 1,
          waitsUntil: new Date(Date.now() + waitsInMs).toISOString(),
        },
      },
      stepStartedAt: new Date(),
      abort: new AbortController().signal,
      note: (line: string) => Promise.resolve(void notes.push(line)),
      show: (data: StepData) => Promise.resolve(void shown.push(data)),
      ...more,
    } as unknown as StepContext<never>;
    return program[step](context as never) as Promise<Outcome>;
  };
  const refusedFor = (...pids: number[]) => {
    control.onHold = (id) => {
      const reason = 'a transaction ran longer than 700 ms';
      control.nodes.n1 = { hold: { id, state: 'refused', ms: 700, reason }, blockers: said(id, ...pids) };
    };
  };

  beforeEach(() => {
    control = new Control();
    [notes, shown] = [[], []];
    program = new Switchover(null as never, null as never, control as never, null as never);
  });

  it('waits until none is left, and says who blocks once for each change', async () => {
    control.blockers = [[7, 8], [7, 8], [7, 8], [8], []];
    const { move } = await run('prepare', { maxWaitSeconds: 30, onBlockers: 'fail' }, 30_000);
    expect(move).toEqual({ kind: 'next', result: { terminate: false } });
    expect(notes).toHaveLength(2);
    expect(notes[0]).toMatch(
      /2 transactions on n1: pid 7 of app \(psql\), idle in transaction, open for 70 s/,
    );
    expect(shown.map(({ blockersTotal, waitsUntil }) => [blockersTotal, waitsUntil !== null])).toEqual([
      [2, true],
      [1, true],
      [0, false],
    ]);
    expect(shown[0]!.blockers[0]).toMatchObject({ node: 'n1', pid: 7, user: 'app', application: 'psql' });
    expect(control.stopped).toBe(1);
    expect(control.orders.map(({ phase }) => phase)).toEqual(['prepare']);
  });

  it('fails, and names them, when they are still there in the end; nobody is held', async () => {
    control.blockers = [[7]];
    const { move } = await run('prepare', { maxWaitSeconds: 0, onBlockers: 'fail' }, 0);
    expect(move).toMatchObject({ kind: 'fail', cause: expect.stringContaining('pid 7 of app') });
    expect(control.orders).toEqual([]);
  });

  it('goes on to terminate them when that is asked for', async () => {
    control.blockers = [[7]];
    const { move } = await run('prepare', { maxWaitSeconds: 0, onBlockers: 'terminate' }, 0);
    expect(move).toEqual({ kind: 'next', result: { terminate: true } });
  });

  it('waits again for one that began after the wait, while there is time', async () => {
    refusedFor(9);
    const { move } = await run('switch', { onBlockers: 'fail' }, 30_000);
    expect(move).toMatchObject({ kind: 'goto', step: 'prepare' });
    expect(notes[0]).toContain('pid 9 of app');
  });

  it('fails with its name when there is no time left', async () => {
    refusedFor(9);
    const { move } = await run('switch', { onBlockers: 'fail' }, 0);
    expect(move).toMatchObject({ kind: 'fail', cause: expect.stringContaining('pid 9 of app') });
    expect(shown.at(-1)).toMatchObject({ blockersTotal: 1, waitsUntil: null });
  });

  it('does not hold everybody for ever', async () => {
    refusedFor(9);
    const { move } = await run('switch', { onBlockers: 'fail' }, 30_000, { attempt: 5 });
    expect(move).toMatchObject({ kind: 'fail' });
  });
});
