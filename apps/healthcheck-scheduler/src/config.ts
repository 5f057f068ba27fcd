import { readFileSync } from 'node:fs';
import { BaseEnv, parseEnv, Port } from '@pgfleet/observability';
import { z } from 'zod';

const read = (path: string, context: z.RefinementCtx): string => {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    context.addIssue({ code: 'custom', message: `cannot read ${path}: ${String(error)}` });
    return z.NEVER;
  }
};
const Count = z.coerce.number().int().min(1);

/** All environment variables of healthcheck-scheduler. */
export const Env = BaseEnv.extend({
  PGFLEET_DATABASE_URL: z.string(),
  PGFLEET_HTTP_PORT: Port.default(8083),
  /** The CA that signs the certificates of customers' nodes. */
  PGFLEET_CLUSTERS_CA_FILE: z.string().default('/etc/pgfleet/clusters-ca.crt').transform(read),
  /** How often a node is probed, ±10 %. */
  PGFLEET_PROBE_INTERVAL_MS: Count.default(5_000),
  /** How long one request to a node may take. A probe sends its requests in parallel. */
  PGFLEET_PROBE_TIMEOUT_MS: Count.default(2_000),
  /** How many nodes one process probes at once. */
  PGFLEET_PROBE_CONCURRENCY: Count.default(32),
  /** How many failed probes in a row make a node unhealthy, and how many successful ones make it healthy. */
  PGFLEET_UNHEALTHY_AFTER: Count.default(2),
  PGFLEET_HEALTHY_AFTER: Count.default(1),
  /** A replica with more lag than this is unhealthy. The default is four WAL segments. */
  PGFLEET_MAX_LAG_BYTES: Count.default(64 * 1024 * 1024),
  /** How often the list of nodes is refreshed, in addition to events that change it. */
  PGFLEET_TARGETS_REFRESH_MS: Count.default(60_000),
}).refine((env) => env.PGFLEET_PROBE_TIMEOUT_MS < env.PGFLEET_PROBE_INTERVAL_MS, {
  path: ['PGFLEET_PROBE_TIMEOUT_MS'],
  message: 'must be less than PGFLEET_PROBE_INTERVAL_MS: a probe ends before the next one begins',
});

export type Config = z.output<typeof Env>;
export const readConfig = (): Config => parseEnv(Env);

/** Injection token of the configuration. */
export const CONFIG = Symbol('config');
