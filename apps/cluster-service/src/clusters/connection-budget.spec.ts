import { connectionBudget } from './connection-budget';

describe('connectionBudget', () => {
  it.each([1, 2, 3, 4, 5, 6, 7])('leaves the platform its connections with %d nodes', (nodes) => {
    const { leaderPool, localPool, sessions } = connectionBudget(nodes);
    expect(nodes * leaderPool + localPool + 2 * sessions).toBeLessThanOrEqual(280);
    expect(leaderPool).toBeGreaterThan(20);
  });

  it('gives three nodes what the role gives by default', () => {
    expect(connectionBudget(3)).toEqual({ leaderPool: 50, localPool: 30, sessions: 50 });
  });
});
