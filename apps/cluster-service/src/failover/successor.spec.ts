import type { ClusterSight, NodeReport } from '@pgfleet/patroni';
import { agreeThatLost, chooseSuccessor, electsWithoutLoss, lossOf } from './successor';

const member = (walPosition: number, state = 'streaming') => ({
  state,
  role: 'replica',
  timeline: 1,
  walPosition,
});
const misses = (leader: string | null): NodeReport => ({
  watchdog: null,
  patroni: null,
  follows: null,
  hold: null,
  lost: leader === null ? null : { leader, since: '2026-11-24T12:00:00.000Z' },
  writable: null,
  rejoining: null,
  rejoin: null,
  archive: null,
  left: null,
  blockers: null,
  disk: null,
});
const sight = (change: Partial<ClusterSight> = {}): ClusterSight => ({
  leader: 'n1',
  members: new Map([
    ['n1', member(9_000, 'running')],
    ['n2', member(8_000)],
    ['n3', member(8_500)],
  ]),
  syncStandbys: [],
  leaderPosition: 8_800,
  nodes: new Map([
    ['n2', misses('n1')],
    ['n3', misses('n1')],
  ]),
  ...change,
});

describe('chooseSuccessor', () => {
  it('takes the member that is furthest', () => {
    expect(chooseSuccessor(sight(), 'n1', 'async')).toEqual({ candidate: 'n3' });
  });

  it('takes a synchronous one, though another is further', () => {
    expect(chooseSuccessor(sight({ syncStandbys: ['n2'] }), 'n1', 'sync')).toEqual({ candidate: 'n2' });
    expect(chooseSuccessor(sight({ syncStandbys: ['n2'] }), 'n1', 'sync', 'n3')).toHaveProperty('refusal');
  });

  it('refuses when nobody runs', () => {
    const members = new Map([['n1', member(9_000)]]);
    expect(chooseSuccessor(sight({ members }), 'n1', 'async')).toEqual({ refusal: 'no other member runs' });
  });
});

describe('lossOf', () => {
  it('is what was last seen of the leader and the candidate has not', () => {
    expect(lossOf(sight(), 'n2', 'async')).toEqual({ bytes: 1_000, sure: false });
  });

  it('is nothing for certain with the one synchronous standby, and not with one of several out of a quorum', () => {
    expect(lossOf(sight({ syncStandbys: ['n2'] }), 'n2', 'sync')).toEqual({ bytes: 0, sure: true });
    expect(lossOf(sight({ syncStandbys: ['n2'] }), 'n2', 'quorum')).toEqual({ bytes: 0, sure: true });
    expect(lossOf(sight({ syncStandbys: ['n2', 'n3'] }), 'n2', 'quorum')).toMatchObject({ sure: false });
  });
});

describe('agreeThatLost', () => {
  it('needs every other member that is there', () => {
    expect(agreeThatLost(sight(), 'n1')).toBe(true);
    expect(agreeThatLost(sight({ nodes: new Map([['n2', misses('n1')]]) }), 'n1')).toBe(false);
    const disagree = new Map([
      ['n2', misses('n1')],
      ['n3', misses(null)],
    ]);
    expect(agreeThatLost(sight({ nodes: disagree }), 'n1')).toBe(false);
    expect(agreeThatLost(sight({ members: new Map([['n1', member(9_000)]]) }), 'n1')).toBe(false);
  });
});

describe('electsWithoutLoss', () => {
  it('takes a quorum of which every other member misses the leader', () => {
    expect(electsWithoutLoss(sight(), 'n1', 'quorum')).toBe(true);
    expect(electsWithoutLoss(sight(), null, 'quorum')).toBe(false);
    for (const durability of ['async', 'sync', 'strict-sync'] as const)
      expect(electsWithoutLoss(sight(), 'n1', durability)).toBe(false);
    const reached = new Map([['n2', misses('n1')]]);
    expect(electsWithoutLoss(sight({ nodes: reached }), 'n1', 'quorum')).toBe(false);
  });
});
