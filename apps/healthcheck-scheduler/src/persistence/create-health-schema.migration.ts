import type { MigrationInterface, QueryRunner } from 'typeorm';

export class CreateHealthSchema1795000000000 implements MigrationInterface {
  readonly name = 'CreateHealthSchema1795000000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table node (
        cluster_id text not null, name text not null, address text not null,
        state text not null default 'unknown' check (state in ('unknown', 'healthy', 'unhealthy')),
        since timestamptz not null default now(), contrary int not null default 0,
        checked_at timestamptz, checks jsonb not null default '[]',
        due_at timestamptz not null default now(), probe bigint not null default 0,
        primary key (cluster_id, name));
      create index node_due on node (due_at);

      create table node_change (
        id bigint generated always as identity primary key, cluster_id text not null, node text not null,
        state text not null, at timestamptz not null default now(), reason text not null,
        foreign key (cluster_id, node) references node on delete cascade);
      create index node_change_of on node_change (cluster_id, node, id);
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop table node_change, node');
  }
}
