import { ask, type SqlTarget } from './sql-probe';

/** What a pooler says of the pool of a database and a user. */
export interface Pool {
  database: string;
  user: string;
  /** Clients that wait for a server connection. */
  waiting: number;
  /** For how many seconds the first of them has been waiting. */
  longestWait: number;
  /** Server connections in use, and those that are not. */
  active: number;
  idle: number;
}

/** A row of `SHOW POOLS`: PgBouncer answers numbers as text. */
type Row = Record<
  'database' | 'user' | 'cl_waiting' | 'sv_active' | 'sv_idle' | 'maxwait' | 'maxwait_us',
  string
>;

/** Asks a PgBouncer's console for its pools. */
export async function readPools(login: Omit<SqlTarget, 'database'>, signal: AbortSignal): Promise<Pool[]> {
  const rows = await ask<Row>({ ...login, database: 'pgbouncer' }, 'show pools', signal);
  return rows
    .filter(({ database }) => database !== 'pgbouncer')
    .map((row) => ({
      database: row.database,
      user: row.user,
      waiting: Number(row.cl_waiting),
      longestWait: Number(row.maxwait) + Number(row.maxwait_us) / 1e6,
      active: Number(row.sv_active),
      idle: Number(row.sv_idle),
    }));
}
