import type { FailoverProfile } from '@pgfleet/contracts';

/** What a profile sets on a cluster's machines, and the bounds that follow. */
export interface FailoverProfileSettings {
  /**
   * Patroni's timing in seconds. A leader that has not renewed its lease for `ttl` is replaced. It tries to reach etcd for
   * `retry_timeout` before it steps down. A crashed PostgreSQL is restarted in place for `primary_start_timeout` before another
   * member leads.
   */
  patroni: { ttl: number; loop_wait: number; retry_timeout: number; primary_start_timeout: number };
  /** HAProxy's checks: how often it checks a node, and how many failed checks in a row take the node out. */
  checks: { interMs: number; fall: number };
  /** TCP keepalives of the pooler and PostgreSQL: a peer that is silent for `idle + interval * count` is given up. */
  keepalive: { idleSeconds: number; intervalSeconds: number; count: number };
  bounds: {
    /** For a leader whose machine or network is lost: its lease, plus four seconds for the election and the promotion. */
    leaderLossSeconds: number;
    /** The minimum time that etcd may be unavailable before a leader that does not reach every member steps down. */
    etcdLossSeconds: number;
  };
}

type Chosen = Omit<FailoverProfileSettings, 'bounds'>;

/**
 * Patroni requires `ttl >= 20` and `loop_wait + 2 * retry_timeout <= ttl`. 20/5/5 is the fastest set that meets this and still
 * leaves a busy etcd two retries before a leader steps down. 30/10/10 is Patroni's default. 60/10/20 suits a site whose network
 * is sometimes lost for half a minute.
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

/** How long a leader keeps the lead after it last renewed its lease. */
export const leaseMs = (profile: FailoverProfile): number => chosen[profile].patroni.ttl * 1000;

export const failoverProfile = (profile: FailoverProfile): FailoverProfileSettings => {
  const { patroni } = chosen[profile];
  return {
    ...chosen[profile],
    bounds: { leaderLossSeconds: patroni.ttl + 4, etcdLossSeconds: patroni.retry_timeout },
  };
};
