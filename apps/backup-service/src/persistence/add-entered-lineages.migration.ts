import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The lineage that a cluster writes need not be its newest: a restore may have been undone. */
export class AddEnteredLineages1797000000000 implements MigrationInterface {
  readonly name = 'AddEnteredLineages1797000000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      alter table stanza add entered_at timestamptz not null default now();
      update stanza set entered_at = created_at;
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('alter table stanza drop entered_at');
  }
}
