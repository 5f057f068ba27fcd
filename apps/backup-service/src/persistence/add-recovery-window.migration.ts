import { rows } from '@pgfleet/persistence';
import type { MigrationInterface, QueryRunner } from 'typeorm';
import { defaultPolicy } from '../policy/default-policy';

/** Positions are bytes of WAL. Times are microseconds since 1970: as exact as PostgreSQL's, unlike a Date. */
export class AddRecoveryWindow1796000000000 implements MigrationInterface {
  readonly name = 'AddRecoveryWindow1796000000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      -- What was read of the store before is of an older form: it is read again.
      update stanza set backups = null;
      alter table stanza add archive_runs jsonb, add archive_checked_at timestamptz;

      create table archive_watch (
        stanza text primary key, sight jsonb, seen_at timestamptz,
        timeline int, segment text, advanced_at timestamptz not null default now(), stalled_at timestamptz,
        rate_samples jsonb not null default '[]');
      create table archived_commit (
        stanza text not null, timeline int not null, position bigint not null, time bigint not null, xid bigint,
        primary key (stanza, timeline, position));
      create table timeline_begin (
        stanza text not null, timeline int not null, position bigint not null, primary key (stanza, timeline));
      create table wal_filling (
        stanza text not null, node text not null, since timestamptz not null default now(), primary key (stanza, node));

      create table restore_point (
        stanza text not null, name text not null, cluster_id text not null, timeline int, position bigint, time bigint,
        operation_id text not null, primary key (stanza, name));

      create table backup_policy (
        cluster_id text primary key, policy jsonb not null, looked_until timestamptz not null, due_at timestamptz,
        held_up_by text);
      create index backup_policy_due on backup_policy (due_at);
      create table scheduled_backup (
        cluster_id text not null, due_at timestamptz not null, type text not null, times int not null,
        operation_id text not null, decided_at timestamptz not null default now(), primary key (cluster_id, due_at));
    `);
    for (const { cluster_id: clusterId } of await rows<{ cluster_id: string }>(
      runner,
      'select distinct cluster_id from stanza where first_backup is not null and cluster_deleted_at is null',
    ))
      await runner.query(
        'insert into backup_policy (cluster_id, policy, looked_until, due_at) values ($1, $2, now(), now())',
        [clusterId, JSON.stringify(defaultPolicy)],
      );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      drop table archive_watch, archived_commit, timeline_begin, wal_filling, restore_point, backup_policy, scheduled_backup;
      alter table stanza drop archive_runs, drop archive_checked_at;
    `);
  }
}
