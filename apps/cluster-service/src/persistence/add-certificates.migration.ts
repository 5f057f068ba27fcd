import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Certificates with their validity, when to check them next, and what is wrong with the platform. */
export class AddCertificates1800100000000 implements MigrationInterface {
  readonly name = 'AddCertificates1800100000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table certificates (
        machine text not null,
        service text not null,
        cluster_id text references clusters,
        not_before timestamptz not null,
        not_after timestamptz not null,
        seen_at timestamptz not null,
        warned_at timestamptz,
        primary key (machine, service))`);
    await runner.query('create index on certificates (cluster_id)');
    await runner.query(
      'create table certificate_checks (scope text primary key, due_at timestamptz not null)',
    );
    await runner.query(
      'create table etcd_alarms (alarm text primary key, since timestamptz not null default now())',
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop table certificates, certificate_checks, etcd_alarms');
  }
}
