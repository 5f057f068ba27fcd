/**
 * Patroni's timing, seconds. Its own floor is `ttl >= 20` and `loop_wait + 2 * retry_timeout <= ttl`; 20/5/5 is the fastest set that
 * keeps to it, and leaves a busy etcd two retries before a leader steps down. A lost leader is replaced within ttl and a little.
 * @see https://patroni.readthedocs.io/en/latest/dynamic_configuration.html
 */
export const failoverTiming = { ttl: 20, loop_wait: 5, retry_timeout: 5 } as const;
