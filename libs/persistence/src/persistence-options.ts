import { readFileSync } from 'node:fs';
import type { DataSourceOptions, EntityTarget, MigrationInterface, ObjectLiteral } from 'typeorm';

type EntityClass = Exclude<EntityTarget<ObjectLiteral>, string | { type: unknown; name: string }>;

/** How a service reaches its own schema. */
export interface PersistenceOptions {
  /** `postgres://role:password@host:port/database`; the role owns `schema` and nothing else. */
  readonly url: string;
  /** PEM file of the CA that signed the server's certificate. If set, connections use TLS and verify the server. */
  readonly caFile?: string;
  /** The service's schema, the only one in `search_path`. */
  readonly schema: string;
  readonly entities: readonly EntityClass[];
  /** In the order in which they run: `[...messagingMigrations, ...operationsMigrations, ...own]`. */
  readonly migrations: readonly (new () => MigrationInterface)[];
  /** Number of connections of this process; default 10. */
  readonly poolSize?: number;
  /** How long a statement may run, in milliseconds; default 15 000. */
  readonly statementTimeoutMs?: number;
}

const connectTimeoutMs = 5_000;
/** After this long, a session that stopped in the middle of a transaction (a frozen process) loses its row locks. */
const idleInTransactionMs = 5_000;

/**
 * Initial settings of every session. With the keepalives the server notices within 20 s that a client's machine is gone, and releases
 * its locks.
 */
const sessionSettings = (options: PersistenceOptions): string =>
  [
    `search_path=${options.schema}`,
    `idle_in_transaction_session_timeout=${idleInTransactionMs}`,
    'lock_timeout=10000',
    'tcp_keepalives_idle=10',
    'tcp_keepalives_interval=5',
    'tcp_keepalives_count=2',
  ]
    .map((setting) => `-c ${setting}`)
    .join(' ');

/** TypeORM's options. Never synchronizes the schema from the entities: only migrations change it. */
export const dataSourceOptions = (
  options: PersistenceOptions,
  onPoolError: (error: Error) => void,
): DataSourceOptions => {
  const statementTimeoutMs = options.statementTimeoutMs ?? 15_000;
  return {
    type: 'postgres',
    url: options.url,
    ssl: options.caFile ? { ca: readFileSync(options.caFile, 'utf8'), rejectUnauthorized: true } : undefined,
    schema: options.schema,
    entities: [...options.entities],
    migrations: [...options.migrations],
    migrationsTableName: 'migration',
    migrationsTransactionMode: 'each',
    synchronize: false,
    installExtensions: false,
    poolSize: options.poolSize ?? 10,
    connectTimeoutMS: connectTimeoutMs,
    // The pool drops an idle connection that breaks, e.g. on a restart of the server. Without a listener that would end the process.
    poolErrorHandler: onPoolError,
    extra: {
      options: sessionSettings(options),
      statement_timeout: statementTimeoutMs,
      // The client's own limit, for a server that does not respond at all.
      query_timeout: statementTimeoutMs + 5_000,
      keepAlive: true,
      keepAliveInitialDelayMillis: 10_000,
    },
  };
};
