import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Columns are `json`, not `jsonb`: a job's output may hold what jsonb refuses (U+0000). */
export class CreateOperations1764000000002 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE operation (
        id text PRIMARY KEY,
        kind text NOT NULL,
        cluster_id text,
        input json NOT NULL,
        state text NOT NULL CHECK (state IN ('pending', 'running', 'succeeded', 'failed', 'cancelled')),
        step text NOT NULL,
        turn integer NOT NULL DEFAULT 0,
        due_at timestamptz NOT NULL DEFAULT now(),
        waiting_for text,
        job_id text,
        begun boolean NOT NULL DEFAULT false,
        failures integer NOT NULL DEFAULT 0,
        takeovers integer NOT NULL DEFAULT 0,
        fence bigint NOT NULL DEFAULT 0,
        owner text,
        lease_until timestamptz,
        cancel_requested boolean NOT NULL DEFAULT false,
        error json,
        result json,
        announced_at timestamptz NOT NULL DEFAULT now(),
        created_at timestamptz NOT NULL DEFAULT now(),
        updated_at timestamptz NOT NULL DEFAULT now(),
        ended_at timestamptz
      )`);
    await runner.query(
      `CREATE UNIQUE INDEX operation_one_per_cluster ON operation (cluster_id) WHERE state IN ('pending', 'running')`,
    );
    await runner.query('CREATE INDEX operation_of_cluster ON operation (cluster_id, id)');
    await runner.query(
      `CREATE INDEX operation_due ON operation (due_at) WHERE state IN ('pending', 'running')`,
    );
    await runner.query(`
      CREATE TABLE operation_step (
        operation_id text NOT NULL REFERENCES operation ON DELETE CASCADE,
        position integer NOT NULL,
        name text NOT NULL,
        state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'running', 'succeeded', 'failed')),
        attempt integer NOT NULL DEFAULT 0,
        started_at timestamptz,
        ended_at timestamptz,
        result json,
        PRIMARY KEY (operation_id, name)
      )`);
    await runner.query(`
      CREATE TABLE operation_signal (
        operation_id text NOT NULL REFERENCES operation ON DELETE CASCADE,
        name text NOT NULL,
        payload json,
        seq bigint GENERATED ALWAYS AS IDENTITY,
        PRIMARY KEY (operation_id, name)
      )`);
    await runner.query(`
      CREATE TABLE idempotency_key (
        scope text NOT NULL,
        key text NOT NULL,
        fingerprint text NOT NULL,
        response json,
        created_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (scope, key)
      )`);
    await runner.query('CREATE INDEX idempotency_key_created ON idempotency_key (created_at)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE idempotency_key, operation_signal, operation_step, operation');
  }
}

/** Operations that begin later: state `scheduled` until `not_before`. They are not among those that change a cluster now. */
export class ScheduleOperations1764000000003 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE operation ADD COLUMN not_before timestamptz, DROP CONSTRAINT operation_state_check,
        ADD CONSTRAINT operation_state_check
          CHECK (state IN ('scheduled', 'pending', 'running', 'succeeded', 'failed', 'cancelled'))`);
    await runner.query('DROP INDEX operation_due');
    await runner.query(
      `CREATE INDEX operation_due ON operation (due_at) WHERE state IN ('scheduled', 'pending', 'running')`,
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(
      `UPDATE operation SET state = 'cancelled', turn = turn + 1, ended_at = now() WHERE state = 'scheduled'`,
    );
    await runner.query('DROP INDEX operation_due');
    await runner.query(
      `CREATE INDEX operation_due ON operation (due_at) WHERE state IN ('pending', 'running')`,
    );
    await runner.query(`
      ALTER TABLE operation DROP COLUMN not_before, DROP CONSTRAINT operation_state_check,
        ADD CONSTRAINT operation_state_check
          CHECK (state IN ('pending', 'running', 'succeeded', 'failed', 'cancelled'))`);
  }
}

/** What a step shows while it runs. */
export class AddStepData1764000000004 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE operation_step ADD COLUMN data json');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE operation_step DROP COLUMN data');
  }
}

/** A service with operations puts these after `messagingMigrations`. */
export const operationsMigrations = [
  CreateOperations1764000000002,
  ScheduleOperations1764000000003,
  AddStepData1764000000004,
];
