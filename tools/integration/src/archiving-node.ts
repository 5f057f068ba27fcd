import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  chmodSync,
  chownSync,
  cpSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from './eventually';
import { serversRoot } from './image';
import { type InImage, type Ran, runInImage, startInImage } from './in-image';
import { userId } from './user-id';

const bin = '/usr/lib/postgresql/17/bin/';

/**
 * The machine's first process inherits orphans. If PostgreSQL were that process, it would take a failing orphan (a background
 * push, a backup that was told to end) for a crashed backend, and start recovery.
 */
const init = ['sh', '-c', '"$@"; exit $?', 'init'];

/** The pgBackRest configuration on a machine, for a PostgreSQL with its data and socket in `home`; the repository is /srv/repo. */
export const pgbackrestConf = (
  stanza: string,
  { home = '/srv', port = 5432, retentionFull = 2 }: NodeOptions & { home?: string } = {},
): string => `
[global]
repo1-path=/srv/repo
repo1-bundle=y
repo1-block=y
repo1-retention-full=${retentionFull}
compress-type=zst
start-fast=y
archive-async=y
spool-path=${home}/spool
lock-path=${home}/lock
log-path=${home}

# As on every node, see pgbackrest.conf.j2 of postgres_node.
[global:archive-push]
archive-timeout=20

[${stanza}]
pg1-path=${home}/data
pg1-socket-path=${home}
pg1-port=${port}
`;
const settings = (stanza: string) => `
listen_addresses = ''
unix_socket_directories = '/srv'
shared_buffers = '16MB'
archive_mode = on
archive_command = 'pgbackrest --stanza=${stanza} archive-push %p'
`;

export interface NodeOptions {
  /** The port of the PostgreSQL that pgBackRest connects to; 5432 by default. */
  port?: number;
  /** How many full backups are kept; 2 by default. */
  retentionFull?: number;
}

/** Creates a machine of the node image with its folder and pgBackRest's configuration, and nothing else. */
export async function makeNodeFolder(
  stanza: string,
  options: NodeOptions = {},
): Promise<{ root: string; folder: string }> {
  const root = await serversRoot();
  // By this name the next spec's servers find and remove what a killed process left.
  const folder = mkdtempSync(join(tmpdir(), `pgfleet-it-${process.pid}-`));
  const { uid, gid } = userId(root, 'postgres');
  chownSync(folder, uid, gid);
  chmodSync(folder, 0o755);
  writeFileSync(join(folder, 'pgbackrest.conf'), pgbackrestConf(stanza, options));
  return { root, folder };
}

/** A PostgreSQL that archives through pgBackRest, as on a cluster's node; its repository is a folder. Programs see the folder as /srv. */
export class ArchivingNode {
  readonly config = '/srv/pgbackrest.conf';
  private server: ChildProcess | undefined;

  constructor(
    readonly root: string,
    readonly folder: string,
    readonly stanza: string,
  ) {}

  /** Initialised, archiving, running. */
  static async start(stanza: string): Promise<ArchivingNode> {
    const { root, folder } = await makeNodeFolder(stanza);
    const node = new ArchivingNode(root, folder, stanza);
    await node.initialise();
    return node;
  }

  /** Accepts extra initdb options and extra settings. */
  async initialise({ initdb = [], more = '' }: { initdb?: string[]; more?: string } = {}): Promise<void> {
    const argv = ['-D', '/srv/data', '--data-checksums', '--no-sync', '-A', 'trust', ...initdb];
    await this.must([`${bin}initdb`, ...argv]);
    appendFileSync(join(this.folder, 'data/postgresql.conf'), settings(this.stanza) + more);
    await this.startServer();
  }

  /** Starts on its own data, or on other data in the folder, such as those of a restore. */
  async startServer(data = '/srv/data'): Promise<void> {
    this.server = this.start([...init, `${bin}postgres`, '-D', data]);
    for (const stream of [this.server.stdout!, this.server.stderr!])
      stream.on('data', (chunk: Buffer) => appendFileSync(join(this.folder, 'postgres.log'), chunk));
    await eventually(() => this.sql('select 1'), 20_000);
  }

  async stopServer(): Promise<void> {
    if (!this.server) return;
    const closed = once(this.server, 'close');
    await this.run([`${bin}pg_ctl`, 'stop', '-D', '/srv/data', '-m', 'fast', '-W']);
    await closed;
    this.server = undefined;
  }

  run(argv: string[], stop?: AbortSignal): Promise<Ran> {
    return runInImage(this.inImage(argv), stop);
  }

  start(argv: string[]): ChildProcess {
    return startInImage(this.inImage(argv));
  }

  /** Programs that start from now on run beside that process, as on one machine. */
  join(process: ChildProcess | undefined): void {
    this.server = process;
  }

  async sql(statement: string, port = 5432): Promise<string> {
    const argv = ['psql', '-p', String(port), '-XAt', '-v', 'ON_ERROR_STOP=1', '-c', statement];
    return (await this.must(argv)).stdout.trim();
  }

  /** Runs a program that must succeed. */
  async must(argv: string[]): Promise<Ran> {
    const ran = await this.run(argv);
    if (ran.exitCode !== 0) throw new Error(`${argv.join(' ')}: ${ran.stdout}${ran.stderr}`);
    return ran;
  }

  /** Copies a folder of the host to where its programs see it, as /srv/NAME. */
  copyIn(folder: string, name: string): void {
    cpSync(folder, join(this.folder, name), { recursive: true });
  }

  get log(): string {
    return readFileSync(join(this.folder, 'postgres.log'), 'utf8');
  }

  async stop(): Promise<void> {
    if (this.server && this.server.exitCode === null) {
      this.server.kill('SIGKILL');
      await once(this.server, 'close');
    }
    rmSync(this.folder, { recursive: true, force: true });
  }

  private inImage(argv: string[]): InImage {
    const env = { PGBACKREST_CONFIG: this.config, TMPDIR: '/srv', PGHOST: '/srv' };
    const beside = this.server;
    return {
      ...{ root: this.root, data: this.folder, user: 'postgres', argv, env },
      ...(beside && { beside }),
    };
  }
}
