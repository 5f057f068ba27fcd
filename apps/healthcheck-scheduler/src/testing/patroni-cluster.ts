import type { ChildProcess } from 'node:child_process';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually, type InImage, runInImage, serversRoot, startInImage } from '@pgfleet/integration';

const password = 'integration';

const patroniConfig = (name: string, address: string, etcd: string) => `
scope: cluster
name: ${name}
restapi: {listen: '${address}:8008', connect_address: '${address}:8008'}
etcd3: {hosts: ['${etcd.replace('http://', '')}']}
bootstrap:
  dcs: {ttl: 20, loop_wait: 1, retry_timeout: 3}
  initdb: [{encoding: UTF8}, no-sync]
postgresql:
  listen: '${address}:5432'
  connect_address: '${address}:5432'
  data_dir: /srv/data
  bin_dir: /usr/lib/postgresql/17/bin
  pgpass: /srv/pgpass
  authentication:
    superuser: {username: postgres, password: ${password}}
    replication: {username: replicator, password: ${password}}
  pg_hba: ['local all all trust', 'host replication all 127.0.0.0/8 scram-sha-256', 'host all all 127.0.0.0/8 scram-sha-256']
  parameters: {unix_socket_directories: /srv, shared_buffers: 16MB, fsync: 'off'}
`;

/** Has only two connections per user and database, so that a few clients fill the pool. */
const poolerConfig = (address: string, port: number) => `
[databases]
* = host=/srv port=5432
[pgbouncer]
listen_addr = ${address}
listen_port = ${port}
pool_mode = transaction
default_pool_size = 2
stats_users = pgfleet_monitor
unix_socket_dir =
auth_type = scram-sha-256
auth_file = /srv/users.txt
server_login_retry = 1
client_tls_sslmode = require
client_tls_cert_file = /srv/server.crt
client_tls_key_file = /srv/server.key
`;

/** A node as the platform sets it up, as far as probes can see: Patroni, PostgreSQL, and PgBouncer with TLS. */
class PatroniNode {
  private processes: ChildProcess[] = [];

  constructor(
    readonly name: string,
    readonly address: string,
    private readonly root: string,
    private readonly data: string,
  ) {}

  start(): void {
    for (const argv of [
      ['/usr/bin/patroni', '/srv/patroni.yml'],
      ['/usr/sbin/pgbouncer', '/srv/pgbouncer-6432.ini'],
      ['/usr/sbin/pgbouncer', '/srv/pgbouncer-6433.ini'],
    ]) {
      const child = startInImage(this.program(argv));
      for (const stream of [child.stdout!, child.stderr!])
        stream.on('data', (chunk: Buffer) => appendFileSync(join(this.data, 'log'), chunk));
      this.processes.push(child);
    }
  }

  /** Simulates a power loss: kills every process at once. */
  async kill(): Promise<void> {
    const running = this.processes.filter(
      ({ exitCode, signalCode }) => exitCode === null && signalCode === null,
    );
    this.processes = [];
    const gone = running.map((child) => once(child, 'close'));
    for (const child of running) child.kill('SIGKILL');
    await Promise.all(gone);
    // A power loss would remove this lock file as well. Left behind, it makes the socket look taken.
    rmSync(join(this.data, '.s.PGSQL.5432.lock'), { force: true });
  }

  async sql(statement: string): Promise<string> {
    const argv = [
      'psql',
      '-h',
      '/srv',
      '-U',
      'postgres',
      '-X',
      '-At',
      '-v',
      'ON_ERROR_STOP=1',
      '-c',
      statement,
    ];
    const { exitCode, stdout, stderr } = await runInImage(this.program(argv));
    if (exitCode !== 0) throw new Error(`${statement}: ${stderr}`);
    return stdout.trim();
  }

  get log(): string {
    return readFileSync(join(this.data, 'log'), 'utf8');
  }

  private program(argv: string[]): InImage {
    return { root: this.root, data: this.data, user: 'postgres', argv };
  }
}

/** Two nodes on loopback addresses, with the real ports and new certificates. */
export class PatroniCluster {
  private constructor(
    private readonly dir: string,
    readonly nodes: [PatroniNode, PatroniNode],
    /** PEM of the CA that signed the nodes' certificates. */
    readonly authority: string,
  ) {}

  /** The password of pgfleet_monitor. */
  static readonly password = password;

  /** @param prefix addresses are `<prefix>.1` and `<prefix>.2`, within 127/8 */
  static async start(etcdUrl: string, prefix: string): Promise<PatroniCluster> {
    const root = await serversRoot();
    const dir = mkdtempSync(join(tmpdir(), `pgfleet-it-${process.pid}-`));
    openssl(
      dir,
      'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=ca -keyout ca.key -out ca.crt',
    );
    const make = (n: number) => makeNode(root, dir, `n${n}`, `${prefix}.${n}`, etcdUrl);
    const nodes: [PatroniNode, PatroniNode] = [make(1), make(2)];
    const cluster = new PatroniCluster(dir, nodes, readFileSync(join(dir, 'ca.crt'), 'utf8'));
    nodes[0].start();
    await eventually(
      () => nodes[0].sql(`create role pgfleet_monitor login in role pg_monitor password '${password}'`),
      30_000,
    );
    await nodes[0].sql(`create role app login password '${password}'`);
    nodes[1].start();
    await eventually(async () => {
      const streaming = await nodes[0].sql(
        `select count(*) from pg_stat_replication where state = 'streaming'`,
      );
      if (streaming !== '1') throw new Error(nodes[1].log);
    }, 30_000);
    return cluster;
  }

  async stop(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.kill()));
    rmSync(this.dir, { recursive: true, force: true });
  }
}

const openssl = (dir: string, command: string): void => {
  execFileSync('openssl', command.split(' '), { cwd: dir, stdio: ['ignore', 'ignore', 'pipe'] });
};

const makeNode = (root: string, dir: string, name: string, address: string, etcd: string): PatroniNode => {
  const data = join(dir, name);
  mkdirSync(data);
  const passwd = readFileSync(join(root, 'etc/passwd'), 'utf8');
  const [, uid, gid] = /^postgres:[^:]*:(\d+):(\d+):/m.exec(passwd)!.map(Number);
  openssl(
    dir,
    `req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=${name} -keyout ${name}/server.key -out ${name}/server.csr`,
  );
  writeFileSync(join(data, 'names'), `subjectAltName=IP:${address}`);
  openssl(
    dir,
    `x509 -req -days 1 -in ${name}/server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -extfile ${name}/names -out ${name}/server.crt`,
  );
  writeFileSync(join(data, 'patroni.yml'), patroniConfig(name, address, etcd));
  for (const port of [6432, 6433])
    writeFileSync(join(data, `pgbouncer-${port}.ini`), poolerConfig(address, port));
  writeFileSync(join(data, 'users.txt'), `"pgfleet_monitor" "${password}"\n"app" "${password}"\n`);
  chmodSync(dir, 0o755);
  for (const path of [data, join(data, 'server.key')]) chownSync(path, uid!, gid!);
  return new PatroniNode(name, address, root, data);
};
