import { chownSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';
import { freePort } from './free-port';
import { runToEnd, ServerProcess } from './server-process';
import { userId } from './user-id';

const password = 'integration';

/** PostgreSQL with one database, `pgfleet`. Connections need passwords, as in production. */
export class Postgres extends ServerProcess {
  private constructor(
    readonly port: number,
    root: string,
    dir: string,
  ) {
    super({
      name: 'postgres',
      root,
      data: dir,
      user: 'postgres',
      argv: ['/usr/lib/postgresql/17/bin/postgres', '-D', '/srv/data', '-p', String(port)],
      ready: () => answers(this.url()),
    });
  }

  static async create(root: string, dir: string): Promise<Postgres> {
    const { uid, gid } = userId(root, 'postgres');
    const postgres = new Postgres(await freePort(), root, dir);
    const secret = join(dir, 'password');
    writeFileSync(secret, password, { mode: 0o600 });
    for (const path of [dir, secret]) chownSync(path, uid, gid);
    const initdb = ['/usr/lib/postgresql/17/bin/initdb', '-D', '/srv/data', '-U', 'postgres', '--no-sync'];
    await runToEnd({
      root,
      data: dir,
      user: 'postgres',
      argv: [...initdb, '--auth=scram-sha-256', '--pwfile=/srv/password', '--locale=C.UTF-8'],
    });
    rmSync(secret);
    writeFileSync(
      join(dir, 'data', 'postgresql.auto.conf'),
      `listen_addresses = '127.0.0.1'\nunix_socket_directories = ''\nshared_buffers = '32MB'\n`,
    );
    await postgres.start();
    await postgres.query('CREATE DATABASE pgfleet', 'postgres');
    return postgres;
  }

  /** Connection URL of the superuser, or of a role created by `createService`. */
  url(role = 'postgres', database = role === 'postgres' ? 'postgres' : 'pgfleet'): string {
    return `postgres://${role}:${password}@127.0.0.1:${this.port}/${database}`;
  }

  /** Creates a role that may log in and owns the schema with its name, as each service has in production. Returns its URL. */
  async createService(role: string): Promise<string> {
    await this.query(`CREATE ROLE ${role} LOGIN PASSWORD '${password}'`);
    await this.query(`CREATE SCHEMA ${role} AUTHORIZATION ${role}`);
    return this.url(role);
  }

  /** Runs one statement as superuser, in the services' database. */
  async query<Row>(sql: string, database = 'pgfleet'): Promise<Row[]> {
    const client = new Client(this.url('postgres', database));
    await client.connect();
    try {
      return (await client.query(sql)).rows as Row[];
    } finally {
      await client.end();
    }
  }
}

const answers = async (url: string): Promise<void> => {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 1_000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query('SELECT 1');
  } finally {
    await client.end().catch(() => undefined);
  }
};
