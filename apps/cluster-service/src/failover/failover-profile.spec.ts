import { FailoverProfile } from '@pgfleet/contracts';
import { failoverProfile } from './failover-profile';

describe('failoverProfile', () => {
  it.each(FailoverProfile.options)("%s keeps to Patroni's rule", (profile) => {
    const { ttl, loop_wait, retry_timeout } = failoverProfile(profile).patroni;
    expect(ttl).toBeGreaterThanOrEqual(20);
    expect(loop_wait).toBeGreaterThanOrEqual(1);
    expect(retry_timeout).toBeGreaterThanOrEqual(3);
    expect(loop_wait + 2 * retry_timeout).toBeLessThanOrEqual(ttl);
  });

  it.each(FailoverProfile.options)(
    '%s notices a dead peer before the lease of a dead leader ends',
    (profile) => {
      const { patroni, checks, keepalive } = failoverProfile(profile);
      expect(keepalive.idleSeconds + keepalive.intervalSeconds * keepalive.count).toBeLessThan(patroni.ttl);
      expect((checks.interMs * checks.fall) / 1000).toBeLessThan(patroni.ttl);
    },
  );

  it('gives the bounds that the contract promises', () => {
    expect(FailoverProfile.options.map((profile) => failoverProfile(profile).bounds)).toEqual([
      { leaderLossSeconds: 24, etcdLossSeconds: 5 },
      { leaderLossSeconds: 34, etcdLossSeconds: 10 },
      { leaderLossSeconds: 64, etcdLossSeconds: 20 },
    ]);
  });
});
