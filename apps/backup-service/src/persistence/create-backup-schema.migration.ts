import type { MigrationInterface, QueryRunner } from 'typeorm';

export class CreateBackupSchema1795000000000 implements MigrationInterface {
  readonly name = 'CreateBackupSchema1795000000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table stanza (
        name text primary key, cluster_id text not null,
        state text not null check (state in ('creating', 'ready', 'failed', 'deleting', 'deleted')),
        first_backup text, backups jsonb, reading text, cluster_deleted_at timestamptz,
        created_at timestamptz not null default now(), updated_at timestamptz not null default now());
      create index stanza_cluster on stanza (cluster_id, created_at);

      create table stanza_request (
        requested_by text not null, kind text not null, stanza text not null, operation_id text not null,
        primary key (requested_by, kind));
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop table stanza_request, stanza');
  }
}
