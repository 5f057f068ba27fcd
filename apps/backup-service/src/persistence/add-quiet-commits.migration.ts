import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Stores for each commit until when no other followed it: a cluster without writes has no other commits. */
export class AddQuietCommits1801000000000 implements MigrationInterface {
  readonly name = 'AddQuietCommits1801000000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('alter table archived_commit add quiet_until bigint');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('alter table archived_commit drop quiet_until');
  }
}
