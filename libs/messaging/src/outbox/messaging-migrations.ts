import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Outgoing messages that were committed and are not published yet, and ids of incoming events whose effect was committed. */
export class CreateOutboxAndInbox1764000000001 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE outbox (
        seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        id text NOT NULL UNIQUE,
        ordering_key text,
        subject text NOT NULL,
        payload text NOT NULL,
        not_before timestamptz NOT NULL DEFAULT now(),
        created_at timestamptz NOT NULL DEFAULT now(),
        lease_owner text,
        lease_until timestamptz,
        attempts integer NOT NULL DEFAULT 0,
        last_error text
      )`);
    await runner.query(
      'CREATE INDEX outbox_ordering ON outbox (ordering_key, seq) WHERE ordering_key IS NOT NULL',
    );
    await runner.query('CREATE INDEX outbox_due ON outbox (not_before)');
    await runner.query(`
      CREATE TABLE inbox (
        consumer text NOT NULL,
        id text NOT NULL,
        received_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (consumer, id)
      )`);
    await runner.query('CREATE INDEX inbox_received ON inbox (received_at)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE outbox, inbox');
  }
}

/** Every service with a database puts these first in its own list. */
export const messagingMigrations = [CreateOutboxAndInbox1764000000001];
