import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  chmodSync,
  chownSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  eventually,
  type InImage,
  type Ran,
  runInImage,
  serversRoot,
  startInImage,
} from '@pgfleet/integration';

const socket = '/srv';
const configuration = (stanza: string) => `
[global]
repo1-path=/srv/repo
repo1-bundle=y
repo1-block=y
repo1-retention-full=2
compress-type=zst
start-fast=y
archive-async=y
spool-path=/srv/spool
lock-path=/srv/lock
log-path=/srv

[${stanza}]
pg1-path=/srv/data
pg1-socket-path=${socket}
`;
const settings = `
listen_addresses = ''
unix_socket_directories = '${socket}'
shared_buffers = '16MB'
archive_mode = on
`;

/** A PostgreSQL that archives through pgBackRest, as on a node of a cluster; its store is a folder. */
export class ArchivedNode {
  private server: ChildProcess | undefined;

  private constructor(
    private readonly root: string,
    private readonly data: string,
  ) {}

  static async start(stanza: string): Promise<ArchivedNode> {
    const root = await serversRoot();
    // The name by which the next spec's servers find what a killed process left, and remove it.
    const data = mkdtempSync(join(tmpdir(), `pgfleet-it-${process.pid}-`));
    const passwd = readFileSync(join(root, 'etc/passwd'), 'utf8');
    const [, uid, gid] = /^postgres:[^:]*:(\d+):(\d+):/m.exec(passwd)!;
    chownSync(data, Number(uid), Number(gid));
    chmodSync(data, 0o755);
    writeFileSync(join(data, 'pgbackrest.conf'), configuration(stanza));
    const node = new ArchivedNode(root, data);
    await node.runOrThrow([
      '/usr/lib/postgresql/17/bin/initdb',
      '-D',
      '/srv/data',
      '--no-sync',
      '-A',
      'trust',
    ]);
    appendFileSync(
      join(data, 'data/postgresql.conf'),
      `${settings}archive_command = 'pgbackrest --stanza=${stanza} archive-push %p'\n`,
    );
    node.server = startInImage(node.program(['/usr/lib/postgresql/17/bin/postgres', '-D', '/srv/data']));
    for (const stream of [node.server.stdout!, node.server.stderr!])
      stream.on('data', (chunk: Buffer) => appendFileSync(join(data, 'postgres.log'), chunk));
    await eventually(() => node.sql('select 1'), 20_000);
    return node;
  }

  run(argv: string[]): Promise<Ran> {
    return runInImage(this.program(argv));
  }

  async sql(statement: string): Promise<string> {
    const argv = [
      'psql',
      '-h',
      socket,
      '-U',
      'postgres',
      '-X',
      '-At',
      '-v',
      'ON_ERROR_STOP=1',
      '-c',
      statement,
    ];
    return (await this.runOrThrow(argv)).stdout.trim();
  }

  get log(): string {
    return readFileSync(join(this.data, 'postgres.log'), 'utf8');
  }

  async stop(): Promise<void> {
    if (this.server && this.server.exitCode === null) {
      this.server.kill('SIGKILL');
      await once(this.server, 'close');
    }
    rmSync(this.data, { recursive: true, force: true });
  }

  private program(argv: string[]): InImage {
    const env = { PGBACKREST_CONFIG: '/srv/pgbackrest.conf' };
    const beside = this.server;
    return { root: this.root, data: this.data, user: 'postgres', argv, env, ...(beside && { beside }) };
  }

  private async runOrThrow(argv: string[]): Promise<Ran> {
    const ran = await this.run(argv);
    if (ran.exitCode !== 0) throw new Error(`${argv.join(' ')}: ${ran.stdout}${ran.stderr}`);
    return ran;
  }
}
