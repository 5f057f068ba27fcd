import { openDatabase } from './open-database';
import type { PersistenceOptions } from './persistence-options';

/** An installation must not wait forever. After this long, a missing database is an error. */
const waitMs = 60_000;

/**
 * Migrates the schema and returns the names of the migrations that ran; none if the schema was up to date. Runs as the service's own
 * role. Creates the schema if it does not exist and the role may. Concurrent runs wait for each other.
 */
export const migrate = async (options: PersistenceOptions): Promise<string[]> => {
  const dataSource = await openDatabase({ ...options, poolSize: 2, statementTimeoutMs: 120_000 }, waitMs);
  try {
    return await dataSource.transaction(async (guard) => {
      // This session idles in its transaction during the migrations, which may take longer than the usual limits.
      await guard.query('SET LOCAL idle_in_transaction_session_timeout = 0');
      await guard.query('SET LOCAL lock_timeout = 0');
      await guard.query('SELECT pg_advisory_xact_lock(hashtext($1))', [`migrate ${options.schema}`]);
      const schemas: unknown[] = await dataSource.query('SELECT 1 FROM pg_namespace WHERE nspname = $1', [
        options.schema,
      ]);
      if (schemas.length === 0) await dataSource.query(`CREATE SCHEMA "${options.schema}"`);
      const ran = await dataSource.runMigrations();
      return ran.map((migration) => migration.name);
    });
  } finally {
    await dataSource.destroy();
  }
};
