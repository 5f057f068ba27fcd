import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Whether customers must use TLS. Existing clusters continue to accept what they accepted. */
export class AddTls1800000000014 implements MigrationInterface {
  readonly name = 'AddTls1800000000014';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      alter table clusters add tls text not null default 'optional' check (tls in ('required', 'optional'));
      alter table clusters alter tls set default 'required';
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('alter table clusters drop tls');
  }
}
