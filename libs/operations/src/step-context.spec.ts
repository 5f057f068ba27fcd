import type { Claim } from './claim';
import { StepRun } from './step-context';

const claim = (waitingFor: string | null, signals: string[]): Claim => ({
  row: { id: 'op_1', step: 'two', cluster_id: null, input: {}, waiting_for: waitingFor } as Claim['row'],
  steps: [
    { name: 'one', state: 'succeeded', result: 7, attempt: 1 },
    { name: 'two', state: 'running', result: null, attempt: 2 },
  ] as unknown as Claim['steps'],
  signals: signals.map((name, index) => ({ name, payload: `${name} payload`, seq: String(index) })),
});
const run = (...args: Parameters<typeof claim>): StepRun =>
  new StepRun(claim(...args), new AbortController().signal, () => Promise.resolve());

describe('a run of a step', () => {
  it('is given its key, its attempt and the results of the steps before', () => {
    expect(run(null, []).context).toMatchObject({ key: 'op_1/two', attempt: 2, results: { one: 7 } });
  });

  it('uses up the signals that it looked at, and no others', () => {
    const one = run(null, ['a', 'b', 'c']);
    expect(one.context.signal('b')).toBe('b payload');
    expect(one.context.signal('none')).toBeUndefined();
    expect(one.consumed).toEqual(['1']);
    expect(one.seen('c')).toBe('2');
    expect(one.seen('none')).toBeNull();
  });

  it('is expired only when what it waited for has not come', () => {
    expect(run('a', ['b']).context.expired).toBe(true);
    expect(run('a', ['a']).context.expired).toBe(false);
    expect(run(null, []).context.expired).toBe(false);
  });
});
