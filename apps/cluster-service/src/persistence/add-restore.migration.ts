import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Lineages, and the state of a cluster during a restore. */
export class AddRestore1797000000000 implements MigrationInterface {
  readonly name = 'AddRestore1797000000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      alter table clusters add set_aside jsonb, drop constraint clusters_state_check,
        add constraint clusters_state_check
          check (state in ('creating', 'ready', 'degraded', 'restoring', 'failed', 'deleting'));
      alter table leaderships drop constraint leaderships_origin_check,
        add constraint leaderships_origin_check
          check (origin in ('bootstrap', 'switchover', 'unplanned', 'fenced', 'forced', 'restore'));

      create table lineages (
        stanza text primary key, cluster_id text not null references clusters, since timestamptz not null,
        until timestamptz, origin jsonb);
      create index lineages_cluster on lineages (cluster_id, since);
    `);
    // If the backups of a deleted cluster were not kept, their key is gone, too.
    await runner.query(`
      insert into lineages (stanza, cluster_id, since, until)
      select stanza, id, created_at, deleted_at from clusters
      where deleted_at is null or exists (select from secrets where cluster_id = id and secrets.name = 'backup_cipher')
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      drop table lineages;
      update leaderships set origin = null where origin = 'restore';
      alter table leaderships drop constraint leaderships_origin_check,
        add constraint leaderships_origin_check
          check (origin in ('bootstrap', 'switchover', 'unplanned', 'fenced', 'forced'));
      update clusters set state = 'failed' where state = 'restoring';
      alter table clusters drop set_aside, drop constraint clusters_state_check,
        add constraint clusters_state_check check (state in ('creating', 'ready', 'degraded', 'failed', 'deleting'));
    `);
  }
}
