import type { MigrationInterface, QueryRunner } from 'typeorm';
import { defaultPolicy } from '../policy/default-policy';

export class AddDrills1799000000000 implements MigrationInterface {
  readonly name = 'AddDrills1799000000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table drill (
        operation_id text primary key, cluster_id text not null, stanza text not null,
        state text not null check (state in ('running', 'succeeded', 'failed')),
        started_at timestamptz not null default now(), ended_at timestamptz, result jsonb, cause text);
      create unique index drill_running on drill (cluster_id) where state = 'running';
      create index drill_cluster on drill (cluster_id, started_at);
      create table proven_backup (
        stanza text not null, label text not null, operation_id text not null, at timestamptz not null default now(),
        primary key (stanza, label));

      alter table backup_policy add drill_due_at timestamptz;
      create index backup_policy_drill_due on backup_policy (drill_due_at);
      -- Clusters that are there already are not all tried at once.
      update backup_policy set drill_due_at = now() + random() * interval '7 days';
    `);
    await runner.query('update backup_policy set policy = policy || $1', [
      JSON.stringify({ drills: defaultPolicy.drills }),
    ]);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      drop table drill, proven_backup;
      alter table backup_policy drop drill_due_at;
      update backup_policy set policy = policy - 'drills';
    `);
  }
}
