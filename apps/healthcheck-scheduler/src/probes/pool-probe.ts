import { ask, type SqlTarget } from './sql-probe';

/** A pooler's pool of a database and a user. */
export interface Pool {
  database: string;
  user: string;
  /** How many clients wait for a server connection. */
  waiting: number;
  /** How many seconds the longest-waiting client has waited. */
  longestWait: number;
  /** Server connections in use (`active`) and not in use (`idle`). */
  active: number;
  idle: number;
}

/** A row of `SHOW POOLS`. PgBouncer sends numbers as text. */
type Row = Record<
  'database' | 'user' | 'cl_waiting' | 'sv_active' | 'sv_idle' | 'maxwait' | 'maxwait_us',
  string
>;

/** Reads the pools from a PgBouncer's console. */
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
