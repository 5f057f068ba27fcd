import { chooseCandidate } from './candidate';

const member = (walPosition: number | null, state = 'streaming') => ({
  state,
  role: 'replica',
  timeline: 1,
  walPosition,
});
const sight = (change: Partial<Parameters<typeof chooseCandidate>[0]> = {}) => ({
  leader: 'n1',
  members: new Map([
    ['n1', { ...member(5_000), state: 'running' }],
    ['n2', member(4_000)],
    ['n3', member(5_000)],
  ]),
  syncStandbys: [] as string[],
  leaderPosition: 5_000,
  ...change,
});

describe('chooseCandidate', () => {
  it('takes the replica that is least behind', () => {
    expect(chooseCandidate(sight(), 'async')).toEqual({ candidate: 'n3' });
  });

  it('takes the one that was asked for, though another is further', () => {
    expect(chooseCandidate(sight(), 'async', 'n2')).toEqual({ candidate: 'n2' });
  });

  it.each([
    ['n1', 'leads already'],
    ['n9', 'no member'],
  ])('refuses %s: %s', (wanted, reason) => {
    expect(chooseCandidate(sight(), 'async', wanted)).toEqual({ refusal: expect.stringContaining(reason) });
  });

  it('refuses one that lags by more than a segment, or does not stream, or says nothing', () => {
    const members = new Map([
      ['n1', { ...member(100_000_000), state: 'running' }],
      ['n2', member(5_000)],
      ['n3', member(100_000_000, 'starting')],
      ['n4', member(null)],
    ]);
    const choice = chooseCandidate(sight({ members }), 'async');
    expect(choice).toEqual({
      refusal: expect.stringMatching(/n2 is 99995000 bytes behind.*n3 is starting.*n4 is an unknown/),
    });
  });

  it('takes a synchronous one only, where there are such', () => {
    expect(chooseCandidate(sight({ syncStandbys: ['n2'] }), 'sync')).toEqual({ candidate: 'n2' });
    expect(chooseCandidate(sight({ syncStandbys: ['n2'] }), 'sync', 'n3')).toHaveProperty('refusal');
    expect(chooseCandidate(sight({ syncStandbys: ['n2'] }), 'async', 'n3')).toEqual({ candidate: 'n3' });
  });
});
