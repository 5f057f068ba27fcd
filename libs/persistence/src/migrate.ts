import { openDatabase } from './open-database';
import type { PersistenceOptions } from './persistence-options';

/** An install must end: a database that is not there after this long is said to be missing. */
const waitMs = 60_000;

/**
 * Brings the schema up to date and returns the names of the migrations that ran, none when it already was. Runs as the service's
 * own role; makes the schema when it is not there and the role may. Two runs at once wait for each other.
 */
export const migrate = async (options: PersistenceOptions): Promise<string[]> => {
  const dataSource = await openDatabase({ ...options, poolSize: 2, statementTimeoutMs: 120_000 }, waitMs);
  try {
    return await dataSource.transaction(async (guard) => {
      // A migration may take longer than a session may idle while it waits for it.
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
