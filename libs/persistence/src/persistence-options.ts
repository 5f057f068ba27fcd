import { readFileSync } from 'node:fs';
import type { DataSourceOptions, EntityTarget, MigrationInterface, ObjectLiteral } from 'typeorm';

type EntityClass = Exclude<EntityTarget<ObjectLiteral>, string | { type: unknown; name: string }>;

/** How a service reaches its own schema. */
export interface PersistenceOptions {
  /** `postgres://role:password@host:port/database`; the role owns `schema` and nothing else. */
  readonly url: string;
  /** PEM file of the CA that signed the server's certificate. With it the connection is TLS and the server is verified. */
  readonly caFile?: string;
  /** The service's schema: it is the only one in `search_path`. */
  readonly schema: string;
  readonly entities: readonly EntityClass[];
  /** In the order they are to run: `[...messagingMigrations, ...operationsMigrations, ...own]`. */
  readonly migrations: readonly (new () => MigrationInterface)[];
  /** Connections of this process, default 10. */
  readonly poolSize?: number;
  /** Longest a statement may run, in milliseconds, default 15 000. */
  readonly statementTimeoutMs?: number;
}

const connectTimeoutMs = 5_000;
/** A session that stopped in the middle of a transaction (a frozen process) gives its row locks back after this long. */
const idleInTransactionMs = 5_000;

/**
 * Settings that every session starts with. The keepalives let the server notice within 20 s that a client's machine is gone, and
 * with it the locks that it held.
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

/** TypeORM's options. Nothing is ever synchronised from the entities: the schema changes by migrations only. */
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
    // An idle connection that breaks (server restarted) is dropped from the pool: without a listener it would end the process.
    poolErrorHandler: onPoolError,
    extra: {
      options: sessionSettings(options),
      statement_timeout: statementTimeoutMs,
      // The client's own limit, for a server that cannot answer any more at all.
      query_timeout: statementTimeoutMs + 5_000,
      keepAlive: true,
      keepAliveInitialDelayMillis: 10_000,
    },
  };
};
