import type { MigrationInterface, QueryRunner } from 'typeorm';

/** A released lineage stays in the repository for a while, but nothing is restored from it. */
export class AddReleasedLineages1798000000000 implements MigrationInterface {
  readonly name = 'AddReleasedLineages1798000000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('alter table lineages add released_at timestamptz');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('alter table lineages drop released_at');
  }
}
