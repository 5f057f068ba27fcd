import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Gives each lineage its own key. So far a cluster had one key for all of them; each existing lineage keeps that one. */
export class AddLineageKeys1799000000000 implements MigrationInterface {
  readonly name = 'AddLineageKeys1799000000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      alter table lineages add sealed_key bytea;
      update lineages set sealed_key = secrets.sealed from secrets
        where secrets.cluster_id = lineages.cluster_id and secrets.name = 'backup_cipher';
      delete from secrets where name = 'backup_cipher';
    `);
  }

  /** Afterwards, of lineages with different keys, only the newest can be read. */
  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      insert into secrets (cluster_id, name, sealed)
        select distinct on (cluster_id) cluster_id, 'backup_cipher', sealed_key from lineages
        where sealed_key is not null order by cluster_id, since desc;
      alter table lineages drop sealed_key;
    `);
  }
}
