import type { MigrationInterface, QueryRunner } from 'typeorm';
import { defaultPolicy } from '../policy/default-policy';

/** Lineages that their clusters have left are kept for a while, not forever. */
export class AddLineageExpiry1800000000000 implements MigrationInterface {
  readonly name = 'AddLineageExpiry1800000000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      alter table stanza add expiry_due_at timestamptz, add expired_at timestamptz;
      create index stanza_expiry_due on stanza (expiry_due_at);
      -- Which were left, cluster-service says.
      update stanza set expiry_due_at = now() where state <> 'deleted';
    `);
    await runner.query("update backup_policy set policy = jsonb_set(policy, '{retention,leftDays}', $1)", [
      JSON.stringify(defaultPolicy.retention.leftDays),
    ]);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      alter table stanza drop expiry_due_at, drop expired_at;
      update backup_policy set policy = policy #- '{retention,leftDays}';
      delete from backup_policy where cluster_id not in (select cluster_id from stanza where cluster_deleted_at is null);
    `);
  }
}
