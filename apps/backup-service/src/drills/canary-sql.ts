import type { Argv } from '@pgfleet/pgbackrest';
import { z } from 'zod';

export interface CanaryRows {
  before: string;
  after: string;
}

/** The name contains no quote: it is built from an operation's id. */
export const canaryRows = (operationId: string): CanaryRows => ({
  before: `${operationId}/before`,
  after: `${operationId}/after`,
});

const sql = ({ before, after }: CanaryRows): string[] => [
  // Nobody waits for this transaction, and it must not block others.
  "SET client_min_messages = warning; SET synchronous_commit = local; SET lock_timeout = '5s'",
  'CREATE SCHEMA IF NOT EXISTS pgfleet',
  'CREATE TABLE IF NOT EXISTS pgfleet.canary (name text PRIMARY KEY, at timestamptz NOT NULL DEFAULT clock_timestamp())',
  // Deletes the rows of earlier drills: there are never more than two.
  'DELETE FROM pgfleet.canary',
  `INSERT INTO pgfleet.canary (name) VALUES ('${before}')`,
  `SELECT json_build_object('lsn', pg_current_wal_insert_lsn(),
     'databaseBytes', (SELECT sum(pg_database_size(oid)) FROM pg_database WHERE datallowconn))`,
  `INSERT INTO pgfleet.canary (name) VALUES ('${after}')`,
  'DO $$ BEGIN PERFORM pg_switch_wal(); END $$',
];

/**
 * Writes two rows into the database `postgres` on the leader, each in its own transaction, and prints the WAL position between
 * them. No customer database is touched.
 */
export const writeCanaries = (rows: CanaryRows): Argv => [
  ...['psql', '-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1', '-d', 'postgres'],
  ...sql(rows).flatMap((statement) => ['-c', statement]),
];

const Written = z.object({ lsn: z.string(), databaseBytes: z.number() });
export type Written = z.infer<typeof Written>;

/** @throws when the output is something else */
export const readWritten = (stdout: string): Written => Written.parse(JSON.parse(stdout));
