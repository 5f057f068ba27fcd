import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Backups come from a replica unless a policy says otherwise, and record which member created them. */
export class AddBackupOrigin1798000000000 implements MigrationInterface {
  readonly name = 'AddBackupOrigin1798000000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      -- What was read of the store before is of an older form: it is read again.
      update stanza set backups = null;
      update backup_policy set policy = policy || '{"from": "replica"}';
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query("update backup_policy set policy = policy - 'from'");
  }
}
