import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Notices about a customer's SQL changes to their role or database. */
export class AddNotices1800000000015 implements MigrationInterface {
  readonly name = 'AddNotices1800000000015';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`alter table node add column notices jsonb not null default '[]'`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('alter table node drop column notices');
  }
}
