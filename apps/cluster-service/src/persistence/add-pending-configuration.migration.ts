import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Lets a machine that was down when its cluster's settings changed be configured on its return; stores the durability that
 * Patroni has.
 */
export class AddPendingConfiguration1800000000010 implements MigrationInterface {
  readonly name = 'AddPendingConfiguration1800000000010';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      alter table machines add pending_since timestamptz, add pending_failures int not null default 0, add pending_retry_at timestamptz;
      create index machines_pending on machines (pending_since) where pending_since is not null;
      alter table clusters add patroni_durability text;
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      alter table clusters drop patroni_durability;
      alter table machines drop pending_since, drop pending_failures, drop pending_retry_at;
    `);
  }
}
