import { z } from 'zod';

/** A TCP port; 0 lets the kernel choose one. */
export const Port = z.coerce.number().int().min(0).max(65535);

/** The variables of every service. A service adds its own, and sets a default for PGFLEET_HTTP_PORT. */
export const BaseEnv = z.object({
  /** One or more NATS servers, separated by commas, e.g. `tls://10.77.0.14:4222`. */
  PGFLEET_NATS_URL: z.string().min(1),
  PGFLEET_NATS_USER: z.string().optional(),
  PGFLEET_NATS_PASSWORD: z.string().optional(),
  /** PEM file of the CA that signs the certificates of NATS, etcd, PostgreSQL and the object store. */
  PGFLEET_CA_FILE: z.string().optional(),
  /** Port for health and metrics, and for the API of the gateway. */
  PGFLEET_HTTP_PORT: Port,
  PGFLEET_LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error']).default('info'),
});
export type BaseEnv = z.output<typeof BaseEnv>;

/** The environment is not valid. The message has one line per wrong variable. */
export class InvalidEnvironment extends Error {
  constructor(readonly faults: readonly { variable: string; message: string }[]) {
    super(
      ['The environment is not valid:', ...faults.map((f) => `  ${f.variable}: ${f.message}`)].join('\n'),
    );
    this.name = 'InvalidEnvironment';
  }
}

/**
 * Parses the environment once, at start. An empty variable counts as unset, as in systemd's environment files.
 * @throws InvalidEnvironment naming every wrong variable, but no values, because they may be secrets.
 */
export const parseEnv = <Schema extends z.ZodType>(
  schema: Schema,
  env: NodeJS.ProcessEnv = process.env,
): z.output<Schema> => {
  const set = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));
  const parsed = schema.safeParse(set);
  if (parsed.success) return parsed.data;
  throw new InvalidEnvironment(
    parsed.error.issues.map((issue) => {
      const variable = issue.path.join('.') || 'environment';
      return { variable, message: variable in set ? issue.message : 'is not set' };
    }),
  );
};
