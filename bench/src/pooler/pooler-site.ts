import type { ChildProcess } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  eventually,
  freePort,
  runInImage,
  serversRoot,
  startInImage,
  startServices,
  type Services,
} from '@pgfleet/integration';
import { repository } from '@pgfleet/platform';
import { makePgbenchTables, type PgbenchTarget, runPgbench } from '@pgfleet/write-checker';

const password = 'bench';
const user = 'bench';

/** The statement with which a node's pooler resets a connection. */
const ourReset = (): string => {
  const template = join(repository, 'deploy/ansible/roles/postgres_node/templates/pgbouncer.ini.j2');
  const reset = /^server_reset_query = (.+)$/m.exec(readFileSync(template, 'utf8'))?.[1];
  if (!reset) throw new Error(`${template} names no server_reset_query`);
  return reset;
};

/** Poolers in front of one PostgreSQL, each with a different way to reset a connection; null: no reset. */
export const resets: Record<string, string | null> = {
  'no reset': null,
  pgfleet: ourReset(),
  'a list': 'RESET ALL; SELECT pg_advisory_unlock_all(); UNLISTEN *; CLOSE ALL; DISCARD TEMP',
};

const config = (server: string, port: number, reset: string | null): string => `
[databases]
pgfleet = ${server}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 50
max_prepared_statements = 200
log_connections = 0
log_disconnections = 0
${reset === null ? '' : `server_reset_query_always = 1\nserver_reset_query = ${reset}`}
`;

/** One PostgreSQL from the machines' image, and a PgBouncer for each way to reset a connection. */
export class PoolerSite {
  private readonly children: ChildProcess[] = [];
  private readonly ports = new Map<string, number>();

  private constructor(
    private readonly services: Services,
    private readonly root: string,
    private readonly folder: string,
  ) {}

  static async start(scale: number): Promise<PoolerSite> {
    const services = await startServices({ postgres: true });
    const folder = mkdtempSync(join(tmpdir(), `pgfleet-it-${process.pid}-`));
    chmodSync(folder, 0o755);
    const site = new PoolerSite(services, await serversRoot(), folder);
    try {
      await services.postgres.query(`create role ${user} login superuser password '${password}'`, 'postgres');
      for (const [name, reset] of Object.entries(resets)) await site.startPooler(name, reset);
      await makePgbenchTables({ ...site.target('no reset'), scale });
      return site;
    } catch (error) {
      await site.remove();
      throw error;
    }
  }

  async transactionsPerSecond(
    pooler: string,
    builtin: 'select-only' | 'simple-update',
    mode: 'simple' | 'prepared',
    seconds: number,
  ): Promise<number> {
    const { transactions, disconnects, failed, stderr } = await runPgbench({
      ...this.target(pooler),
      ...{ clients: 8, seconds, builtin, mode },
    });
    if (disconnects > 0 || failed > 0) throw new Error(`pgbench through ${pooler}: ${stderr}`);
    return transactions / seconds;
  }

  async remove(): Promise<void> {
    for (const child of this.children) child.kill('SIGKILL');
    await this.services.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  private async startPooler(name: string, reset: string | null): Promise<void> {
    const port = await freePort();
    const file = `${name.replaceAll(' ', '-')}.ini`;
    const server = `host=127.0.0.1 port=${this.services.postgres.port} dbname=pgfleet user=${user} password=${password}`;
    writeFileSync(join(this.folder, file), config(server, port, reset));
    this.children.push(
      startInImage({
        root: this.root,
        data: this.folder,
        user: 'postgres',
        argv: ['/usr/sbin/pgbouncer', '-q', `/srv/${file}`],
      }),
    );
    this.ports.set(name, port);
    await eventually(async () => {
      const { exitCode, stderr } = await this.run(['psql', '-Xqc', 'select 1', this.uri(name)]);
      if (exitCode !== 0) throw new Error(stderr);
    }, 20_000);
  }

  private uri(pooler: string): string {
    return `host=127.0.0.1 port=${this.ports.get(pooler)} dbname=pgfleet user=${user}`;
  }

  private run(argv: string[]) {
    return runInImage({ root: this.root, data: this.folder, user: 'postgres', argv });
  }

  private target(pooler: string): PgbenchTarget {
    return {
      ...{ host: '127.0.0.1', port: this.ports.get(pooler) ?? 0, database: 'pgfleet', user, password },
      run: async (argv) => {
        const { exitCode: code, ...output } = await this.run([...argv]);
        return { ...output, code };
      },
    };
  }
}
