import { appendFileSync, chownSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ArchivingNode } from './archiving-node';
import { eventually } from './eventually';
import { freePort } from './free-port';
import type { Ran } from './in-image';
import { userId } from './user-id';

const bin = '/usr/lib/postgresql/17/bin/';
const certificate = [
  'openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -days 1 -subj /CN=ca -keyout ca.key -out ca.crt',
  'openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -subj /CN=n2 -keyout backup.pem -out n2.csr',
  'printf "subjectAltName=DNS:127.0.0.1\\nextendedKeyUsage=serverAuth,clientAuth" >n2.ext',
  'openssl x509 -req -in n2.csr -CA ca.crt -CAkey ca.key -days 1 -extfile n2.ext >>backup.pem',
  'chmod 600 backup.pem',
].join(' && ');

const tls = (prefix: 'pg2-host' | 'tls-server') => `
${prefix}-cert-file=/srv/replica/backup.pem
${prefix}-key-file=/srv/replica/backup.pem
${prefix}-ca-file=/srv/replica/ca.crt
`;

/** What the role postgres_node writes for it on a node, with the spec's ports and paths. */
const files = (stanza: string, port: number): Record<string, string> => ({
  'pgbackrest.conf': `
[global]
repo1-path=/srv/repo
repo1-bundle=y
repo1-block=y
repo1-retention-full=2
compress-type=zst
start-fast=y
lock-path=/srv/replica/lock
log-path=/srv/replica

[${stanza}]
pg1-path=/srv/replica/data
pg1-socket-path=/srv/replica
`,
  'backup-from-replica/leader.conf': `
[global:server-ping]
tls-server-port=${port}

[${stanza}]
pg2-path=/srv/data
pg2-socket-path=/srv
pg2-host-type=tls
pg2-host-port=${port}
pg2-host-config=/srv/replica/backup-server.conf
${tls('pg2-host')}`,
  'backup-server.conf': `
[global]
tls-server-address=127.0.0.1
tls-server-port=${port}
tls-server-auth=n2=${stanza}
lock-path=/srv/lock
log-path=/srv/replica
${tls('tls-server')}`,
});

/**
 * A replica that streams from an ArchivingNode and creates its backups through the pgBackRest server there. It lives in the
 * leader's folder, below `replica`, and ends with the leader.
 */
export class StreamingReplica {
  private constructor(private readonly leader: ArchivingNode) {}

  static async of(leader: ArchivingNode): Promise<StreamingReplica> {
    const replica = new StreamingReplica(leader);
    const folder = join(leader.folder, 'replica');
    const { uid, gid } = userId(leader.root, 'postgres');
    for (const path of [folder, join(folder, 'backup-from-replica')]) {
      mkdirSync(path);
      chownSync(path, uid, gid);
    }
    for (const [name, text] of Object.entries(files(leader.stanza, await freePort())))
      writeFileSync(join(folder, name), text);
    await leader.must(['sh', '-c', `cd /srv/replica && ${certificate}`]);
    await leader.must([`${bin}pg_basebackup`, '-D', '/srv/replica/data', '-R', '-c', 'fast', '--no-sync']);
    appendFileSync(
      join(folder, 'data/postgresql.conf'),
      `unix_socket_directories = '/srv/replica'\nport = 5432\n`,
    );
    await replica.startServer();
    await replica.startBackupServer();
    return replica;
  }

  async startServer(withinMs = 20_000): Promise<void> {
    this.follow([`${bin}postgres`, '-D', '/srv/replica/data'], 'postgres.log');
    await eventually(async () => {
      const state = await this.leader.sql('select state from pg_stat_replication');
      if (state !== 'streaming') throw new Error(`the replica is ${state || 'not there'}`);
    }, withinMs);
  }

  async stopServer(): Promise<void> {
    await this.leader.must([`${bin}pg_ctl`, 'stop', '-D', '/srv/replica/data', '-m', 'fast', '-w']);
  }

  /** Starts pgBackRest's server on the leader's side. */
  async startBackupServer(): Promise<void> {
    this.follow(['pgbackrest', '--config=/srv/replica/backup-server.conf', 'server'], 'server.log');
    const ping = ['pgbackrest', '--config-include-path=/etc/pgfleet/backup-from-replica', 'server-ping'];
    await eventually(async () => {
      const { exitCode, stdout, stderr } = await this.run([...ping, '127.0.0.1']);
      if (exitCode !== 0) throw new Error(stdout + stderr);
    }, 20_000);
  }

  async stopBackupServer(): Promise<void> {
    await this.leader.must(['pkill', '-f', '^pgbackrest --config=/srv/replica/backup-server.conf']);
  }

  /** Runs a program as on the replica's machine; the files of /etc/pgfleet there are in /srv/replica. */
  run(argv: string[], stop?: AbortSignal): Promise<Ran> {
    const here = argv.map((word) => word.replaceAll('/etc/pgfleet', '/srv/replica'));
    return this.leader.run(
      ['env', 'PGBACKREST_CONFIG=/srv/replica/pgbackrest.conf', 'PGHOST=/srv/replica', ...here],
      stop,
    );
  }

  private follow(argv: string[], log: string): void {
    const child = this.leader.start(argv);
    for (const stream of [child.stdout!, child.stderr!])
      stream.on('data', (chunk: Buffer) => appendFileSync(join(this.leader.folder, 'replica', log), chunk));
  }
}
