import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Lets a member be replaced: machine numbers go on, and each new machine has its own etcd user. */
export class AddMemberReplacement1800000000030 implements MigrationInterface {
  readonly name = 'AddMemberReplacement1800000000030';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      alter table clusters add last_node int;
      alter table machines add etcd_user text, add replaces text;
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(
      'alter table machines drop etcd_user, drop replaces; alter table clusters drop last_node',
    );
  }
}
