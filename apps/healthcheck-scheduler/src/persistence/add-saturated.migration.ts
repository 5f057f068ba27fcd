import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Adds the state of a node whose poolers are full: neither healthy nor unhealthy. */
export class AddSaturated1800000000014 implements MigrationInterface {
  readonly name = 'AddSaturated1800000000014';

  async up(runner: QueryRunner): Promise<void> {
    await this.allow(runner, ['unknown', 'healthy', 'saturated', 'unhealthy']);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`update node set state = 'unhealthy' where state = 'saturated'`);
    await this.allow(runner, ['unknown', 'healthy', 'unhealthy']);
  }

  private async allow(runner: QueryRunner, states: readonly string[]): Promise<void> {
    const list = states.map((state) => `'${state}'`).join(', ');
    await runner.query(`
      alter table node drop constraint node_state_check;
      alter table node add constraint node_state_check check (state in (${list}));
    `);
  }
}
