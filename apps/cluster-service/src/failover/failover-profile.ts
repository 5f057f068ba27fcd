import type { FailoverProfile } from '@pgfleet/contracts';

/** What a profile sets on the machines of a cluster, and the bounds that follow from it. */
export interface FailoverProfileSettings {
  /**
   * Patroni's timing, seconds. A leader that has not renewed its lease for `ttl` is replaced; for `retry_timeout` it goes on
   * trying to reach etcd before it steps down; a crashed PostgreSQL is started in place for `primary_start_timeout` before another member leads.
   */
  patroni: { ttl: number; loop_wait: number; retry_timeout: number; primary_start_timeout: number };
  /** HAProxy's checks: how often a node is asked, and how many bad answers in a row take it out. */
  checks: { interMs: number; fall: number };
  /** TCP keepalives of the pooler and of PostgreSQL: a peer that is silent for `idle + interval * count` is given up. */
  keepalive: { idleSeconds: number; intervalSeconds: number; count: number };
  bounds: {
    /** For a leader whose machine or network is gone: its lease and four seconds for an election and the promotion. */
    leaderLossSeconds: number;
    /** How long etcd may be away, at the least, before a leader that not every member answers steps down. */
    etcdLossSeconds: number;
  };
}

type Chosen = Omit<FailoverProfileSettings, 'bounds'>;

/**
 * Patroni's own floor is `ttl >= 20` and `loop_wait + 2 * retry_timeout <= ttl`. 20/5/5 is the fastest set that keeps to it and still
 * leaves a busy etcd two retries before a leader steps down; 30/10/10 is Patroni's default; 60/10/20 bears a site whose network
 * is away for half a minute now and then.
 * @see https://patroni.readthedocs.io/en/latest/dynamic_configuration.html
 */
const chosen: Record<FailoverProfile, Chosen> = {
  fast: {
    patroni: { ttl: 20, loop_wait: 5, retry_timeout: 5, primary_start_timeout: 15 },
    checks: { interMs: 500, fall: 3 },
    keepalive: { idleSeconds: 3, intervalSeconds: 1, count: 3 },
  },
  standard: {
    patroni: { ttl: 30, loop_wait: 10, retry_timeout: 10, primary_start_timeout: 60 },
    checks: { interMs: 1000, fall: 3 },
    keepalive: { idleSeconds: 5, intervalSeconds: 2, count: 3 },
  },
  cautious: {
    patroni: { ttl: 60, loop_wait: 10, retry_timeout: 20, primary_start_timeout: 300 },
    checks: { interMs: 2000, fall: 3 },
    keepalive: { idleSeconds: 10, intervalSeconds: 5, count: 3 },
  },
};

/** How long a leader holds the lead after it last renewed its lease. */
export const leaseMs = (profile: FailoverProfile): number => chosen[profile].patroni.ttl * 1000;

/** The settings of a profile. */
export const failoverProfile = (profile: FailoverProfile): FailoverProfileSettings => {
  const { patroni } = chosen[profile];
  return {
    ...chosen[profile],
    bounds: { leaderLossSeconds: patroni.ttl + 4, etcdLossSeconds: patroni.retry_timeout },
  };
};
