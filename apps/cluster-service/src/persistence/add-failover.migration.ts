import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Failover settings, past leaders, and the nodes' reports. */
export class AddFailover1796000000000 implements MigrationInterface {
  readonly name = 'AddFailover1796000000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      alter table clusters
        add profile text not null default 'fast' check (profile in ('fast', 'standard', 'cautious')),
        add durability text not null default 'async' check (durability in ('async', 'sync', 'strict-sync', 'quorum')),
        add fencing boolean not null default true,
        add intent jsonb, add ordered_change jsonb, add patroni_history jsonb,
        add degraded_at timestamptz, add lost_at timestamptz, add lost jsonb;
      update clusters set degraded_at = now() where state = 'degraded' and deleted_at is null;

      alter table members add acts_as text;

      create table leaderships (
        cluster_id text not null references clusters, seq int not null, leader text not null, timeline int,
        origin text check (origin in ('bootstrap', 'switchover', 'unplanned', 'fenced', 'forced')),
        since timestamptz not null, until timestamptz, cause text, promoted_at bigint, outage_ms bigint,
        loss_bytes bigint, loss_sure boolean, lost_bytes bigint, lost_transactions bigint,
        operation_id text, completed_at timestamptz, announced boolean not null, primary key (cluster_id, seq));

      create table node_reports (
        cluster_id text not null references clusters, member text not null, report jsonb, rejoined_at timestamptz,
        primary key (cluster_id, member));
    `);
    // Existing clusters already have a leader. How its leadership began was not recorded, so it is known only from now on.
    await runner.query(`
      insert into leaderships (cluster_id, seq, leader, timeline, since, completed_at, announced)
      select id, 1, last_leader, timeline, now(), now(), true
      from clusters left join members on cluster_id = id and members.name = last_leader
      where last_leader is not null and deleted_at is null
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      drop table node_reports, leaderships;
      alter table members drop acts_as;
      alter table clusters drop profile, drop durability, drop fencing, drop intent, drop ordered_change,
        drop patroni_history, drop degraded_at, drop lost_at, drop lost;
    `);
  }
}
