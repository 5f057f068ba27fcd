import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Stores how exactly an outage is known. */
export class AddOutageBound1800000000040 implements MigrationInterface {
  readonly name = 'AddOutageBound1800000000040';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('alter table leaderships add outage_bound text');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('alter table leaderships drop outage_bound');
  }
}
