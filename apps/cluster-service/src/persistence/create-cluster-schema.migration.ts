import type { MigrationInterface, QueryRunner } from 'typeorm';

export class CreateClusterSchema1795000000000 implements MigrationInterface {
  readonly name = 'CreateClusterSchema1795000000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table users (
        id text primary key, name text not null, email text, labels jsonb not null default '{}',
        created_at timestamptz not null default now(), updated_at timestamptz not null default now());
      create unique index users_email on users (lower(email));

      create table clusters (
        id text primary key, name text not null, user_id text references users,
        description text not null default '', labels jsonb not null default '{}',
        state text not null check (state in ('creating', 'ready', 'degraded', 'failed', 'deleting')),
        nodes int not null, postgres_version int not null, database_name text not null, database_user text not null,
        stanza text not null unique, leader text, last_leader text, leader_position bigint, sync_standbys jsonb not null default '[]',
        created_at timestamptz not null default now(), updated_at timestamptz not null default now(), deleted_at timestamptz);
      create unique index clusters_name on clusters (user_id, name) where deleted_at is null;

      create table members (
        cluster_id text not null references clusters, name text not null, state text not null, timeline int, wal_position bigint,
        primary key (cluster_id, name));

      create table machines (
        name text primary key, cluster_id text not null references clusters,
        kind text not null check (kind in ('node', 'load_balancer')), address text not null, host_key text not null);
      create index machines_cluster on machines (cluster_id);

      create table secrets (
        cluster_id text not null references clusters, name text not null, sealed bytea not null, primary key (cluster_id, name));

      create table watch_position (only_row boolean primary key default true check (only_row), revision bigint);
      insert into watch_position values (true, null);
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop table watch_position, secrets, machines, members, clusters, users');
  }
}
