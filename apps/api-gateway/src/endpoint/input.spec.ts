import { getLog, getUsers, postCluster, postRetry, ProblemError, putUser } from '@pgfleet/contracts';
import type { Request } from 'express';
import { parseInput } from './input';

const userId = 'usr_01979a3c-5f7e-7c11-8d2a-3b9f6c1e0a55';
const operationId = 'op_01979a3c-5f7e-7c11-8d2a-3b9f6c1e0a55';

const request = (parts: {
  params?: object;
  query?: object;
  body?: unknown;
  headers?: Record<string, string[]>;
}) => {
  const headersDistinct = parts.headers ?? {};
  const headers = Object.fromEntries(
    Object.entries(headersDistinct).map(([name, values]) => [name, values.join(', ')]),
  );
  return {
    method: 'POST',
    path: '/x',
    params: {},
    query: {},
    ...parts,
    headers,
    headersDistinct,
  } as unknown as Request;
};
const faultsOf = (run: () => unknown) => {
  try {
    run();
  } catch (error) {
    if (error instanceof ProblemError) return error.problem.errors;
    throw error;
  }
  return [];
};

describe('parseInput', () => {
  it('parses by the contract and fills in defaults', () => {
    const input = parseInput(postCluster, request({ body: { name: 'orders', userId } }));
    expect(input.body).toMatchObject({ name: 'orders', nodes: 3, labels: {} });
    expect(input.idempotency).toBeNull();
    expect(parseInput(getUsers, request({ query: { limit: '7' } })).query).toEqual({ limit: 7 });
  });

  it.each([
    ['no body', undefined, [{ path: '', message: 'is missing' }]],
    ['a missing field', { name: 'orders' }, [{ path: '/userId', message: 'is missing' }]],
    [
      'an unknown field',
      { name: 'a', userId, 'x/~y': 1 },
      [{ path: '/x~1~0y', message: 'is not a known field' }],
    ],
    [
      'an unknown field further down',
      { name: 'a', userId, database: { owner: 'x' } },
      [{ path: '/database/owner', message: 'is not a known field' }],
    ],
    [
      'a wrong name',
      { name: 'a', userId, labels: { 'Team!': 'x' } },
      [{ path: '/labels/Team!', message: expect.stringContaining('label names') }],
    ],
    [
      'too many labels',
      { name: 'a', userId, labels: manyLabels(33) },
      [{ path: '/labels', message: 'at most 32 labels' }],
    ],
    [
      'a name that PostgreSQL uses itself',
      { name: 'a', userId, database: { name: 'postgres' } },
      [{ path: '/database/name', message: expect.stringContaining('has a meaning of its own') }],
    ],
  ])('reports %s', (_, body, faults) => {
    expect(faultsOf(() => parseInput(postCluster, request({ body })))).toEqual(faults);
  });

  it('reports all faults at once, each with its path', () => {
    const bad = request({ params: { userId: "x' OR 1=1" }, query: { x: '1' }, body: {} });
    const paths = faultsOf(() => parseInput(putUser, bad))?.map(({ path }) => path);
    expect(paths).toEqual(['path/userId', 'query/x', '']);
  });

  it('reports at most twenty faults, with paths of bounded length', () => {
    const body = Object.fromEntries(Array.from({ length: 500 }, (_, at) => [`${at}${'x'.repeat(5000)}`, 1]));
    const faults = faultsOf(() => parseInput(putUser, request({ params: { userId }, body })));
    expect(faults).toHaveLength(20);
    for (const { path } of faults ?? []) expect(path.length).toBeLessThanOrEqual(200);
  });

  describe('the Idempotency-Key', () => {
    const withKey = (...keys: string[]) =>
      parseInput(postRetry, request({ params: { operationId }, headers: { 'idempotency-key': keys } }));

    it.each(['k', ' !~', 'k'.repeat(255)])('may be "%s"', (key) =>
      expect(withKey(key).idempotency?.key).toBe(key),
    );

    it.each([[['']], [['k'.repeat(256)]], [['é']], [['a\tb']], [['a', 'a']]])('may not be %j', (keys) => {
      expect(faultsOf(() => withKey(...keys))?.[0]?.path).toBe('header/idempotency-key');
    });

    it('is ignored on a GET', () => {
      const get = request({ headers: { 'idempotency-key': ['é'] } });
      expect(parseInput(getUsers, get).idempotency).toBeNull();
    });
  });

  it.each(['', 'abc', '-1', '1.5', '1e3', '9'.repeat(16)])(
    'does not take "%s" for a Last-Event-ID',
    (value) => {
      const bad = request({ params: { operationId }, headers: { 'last-event-id': [value] } });
      expect(faultsOf(() => parseInput(getLog, bad))).toMatchObject([{ path: 'header/last-event-id' }]);
    },
  );
});

function manyLabels(count: number): Record<string, string> {
  return Object.fromEntries(Array.from({ length: count }, (_, at) => [`l${at}`, 'x']));
}
