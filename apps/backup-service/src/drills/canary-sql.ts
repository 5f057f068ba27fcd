import type { Argv } from '@pgfleet/pgbackrest';
import { z } from 'zod';

export interface CanaryRows {
  before: string;
  after: string;
}

/** A name has no quote in it: it is made of an operation's id. */
export const canaryRows = (operationId: string): CanaryRows => ({
  before: `${operationId}/before`,
  after: `${operationId}/after`,
});

const sql = ({ before, after }: CanaryRows): string[] => [
  // Nobody waits for it, and it is to hold nobody up.
  "SET client_min_messages = warning; SET synchronous_commit = local; SET lock_timeout = '5s'",
  'CREATE SCHEMA IF NOT EXISTS pgfleet',
  'CREATE TABLE IF NOT EXISTS pgfleet.canary (name text PRIMARY KEY, at timestamptz NOT NULL DEFAULT clock_timestamp())',
  // Those of earlier drills: there are never more than two.
  'DELETE FROM pgfleet.canary',
  `INSERT INTO pgfleet.canary (name) VALUES ('${before}')`,
  `SELECT json_build_object('lsn', pg_current_wal_insert_lsn(),
     'databaseBytes', (SELECT sum(pg_database_size(oid)) FROM pg_database WHERE datallowconn))`,
  `INSERT INTO pgfleet.canary (name) VALUES ('${after}')`,
  'DO $$ BEGIN PERFORM pg_switch_wal(); END $$',
];

/**
 * Writes two rows into the database `postgres`, on the leader, each in a transaction of its own, and prints the place in the WAL that is
 * between them. No customer's database is touched.
 */
export const writeCanaries = (rows: CanaryRows): Argv => [
  ...['psql', '-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1', '-d', 'postgres'],
  ...sql(rows).flatMap((statement) => ['-c', statement]),
];

const Written = z.object({ lsn: z.string(), databaseBytes: z.number() });
export type Written = z.infer<typeof Written>;

/** @throws when it is something else that was printed */
export const readWritten = (stdout: string): Written => Written.parse(JSON.parse(stdout));
