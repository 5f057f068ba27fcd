import { readFileSync } from 'node:fs';
import { BaseEnv, parseEnv, Port } from '@pgfleet/observability';
import { z } from 'zod';

const read = (path: string, context: z.RefinementCtx): string => {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (error) {
    context.addIssue({ code: 'custom', message: `cannot read ${path}: ${String(error)}` });
    return z.NEVER;
  }
};
const file = z.string().transform(read);

/** Every variable that cluster-service reads. A `*_FILE` variable is replaced by the content of its file. */
const Env = BaseEnv.extend({
  PGFLEET_DATABASE_URL: z.string(),
  /** The CA of etcd and the object store, which nodes receive. Defaults to the CA of NATS and the database. */
  PGFLEET_ETCD_CA_FILE: z.string().optional(),
  /** The CA that signs the certificates of customers' nodes. */
  PGFLEET_CLUSTERS_CA_FILE: z.string().default('/etc/pgfleet/clusters-ca.crt').transform(read),
  PGFLEET_HTTP_PORT: Port.default(8081),
  PGFLEET_ETCD_ENDPOINTS: z.string().transform((list) => list.split(',')),
  PGFLEET_ETCD_USER: z.string(),
  PGFLEET_ETCD_PASSWORD: z.string(),
  PGFLEET_SECRET_KEY_FILE: file
    .transform((text) => Buffer.from(text, 'base64'))
    .refine((key) => key.length === 32, 'must hold 32 bytes in base64: openssl rand -base64 32'),
  PGFLEET_MACHINE_PROVIDER: z.enum(['lab', 'inventory']),
  PGFLEET_LAB_URL: z.url().optional(),
  PGFLEET_LAB_TOKEN_FILE: file.optional(),
  PGFLEET_MACHINE_INVENTORY_FILE: z.string().optional(),
  PGFLEET_SSH_PUBLIC_KEY_FILE: file,
  /** The current revision of the role that configures nodes. If unset, no node is assumed to be configured by it. */
  PGFLEET_NODES_REVISION: z.string().optional(),
  /** How long a new node certificate is valid; 397 days by default. */
  PGFLEET_CERTIFICATE_LIFETIME_SECONDS: z.coerce.number().int().min(60).default(34_300_800),
  PGFLEET_S3_ENDPOINT: z.string(),
  PGFLEET_S3_BUCKET: z.string(),
  PGFLEET_S3_REGION: z.string(),
  PGFLEET_S3_KEY: z.string(),
  PGFLEET_S3_SECRET: z.string(),
})
  .refine((env) => env.PGFLEET_ETCD_CA_FILE ?? env.PGFLEET_CA_FILE, {
    path: ['PGFLEET_ETCD_CA_FILE'],
    message: 'is needed when there is no PGFLEET_CA_FILE',
  })
  .transform((env, context) => ({
    ...env,
    /** PEM. */
    platformAuthority: read(env.PGFLEET_ETCD_CA_FILE ?? env.PGFLEET_CA_FILE ?? '', context),
  }));

export type Config = z.output<typeof Env>;
export const readConfig = (): Config => parseEnv(Env);

/** Token under which the configuration is injected. */
export const CONFIG = Symbol('config');
