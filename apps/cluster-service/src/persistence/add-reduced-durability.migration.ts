import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Stores when a cluster acknowledged writes that only its leader had, although its durability requires a replica. */
export class AddReducedDurability1800000000020 implements MigrationInterface {
  readonly name = 'AddReducedDurability1800000000020';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table reduced_durability (
        cluster_id text not null references clusters, since timestamptz not null, until timestamptz,
        configured text not null, leader text not null, primary key (cluster_id, since));
      create unique index reduced_durability_open on reduced_durability (cluster_id) where until is null;
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop table reduced_durability');
  }
}
