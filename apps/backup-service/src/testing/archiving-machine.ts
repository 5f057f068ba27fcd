import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ArchivingNode, eventually, makeNodeFolder, pgbackrestConf, type Ran } from '@pgfleet/integration';

const bin = '/usr/lib/postgresql/17/bin/';

/** The first process: when it is killed it ends with all others, and leaves no zombies. */
const first = `
import signal
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
open("/srv/up", "w").close()
while True:
    signal.pause()
`;

/** The spec needs the WAL to stay readable. No background process may commit. Durability across a power cut does not matter here. */
const settings = (home: string, stanza: string) => `
listen_addresses = ''
unix_socket_directories = '${home}'
shared_buffers = '16MB'
fsync = off
autovacuum = off
wal_keep_size = '2GB'
archive_mode = on
archive_timeout = 10
archive_command = 'pgbackrest --config=${home}/pgbackrest.conf --stanza=${stanza} archive-push %p'
`;

/**
 * Starts one machine of the node image that runs several PostgreSQL servers, each in its own folder below /srv. Their repository
 * is /srv/repo.
 */
export const startMachine = async (): Promise<ArchivingNode> => {
  const { root, folder } = await makeNodeFolder('unused');
  const machine = new ArchivingNode(root, folder, 'unused');
  const process = machine.start(['python3', '-c', first]);
  await eventually(() => {
    if (!existsSync(join(folder, 'up'))) throw new Error('the machine is not up');
  });
  machine.join(process);
  return machine;
};

/** A PostgreSQL of such a machine, and the pgBackRest that archives it. */
export class ArchivedDatabase {
  constructor(
    readonly machine: ArchivingNode,
    readonly name: string,
    readonly stanza: string,
  ) {}

  get home(): string {
    return `/srv/${this.name}`;
  }

  get data(): string {
    return `${this.home}/data`;
  }

  /** The same folder as the spec sees it; the socket is in it. */
  get folder(): string {
    return join(this.machine.folder, this.name);
  }

  /** Runs any program, with this PostgreSQL and pgBackRest in place of the machine's. */
  run(argv: string[]): Promise<Ran> {
    return this.machine.run([...this.environment(), ...argv]);
  }

  start(argv: string[]) {
    return this.machine.start([...this.environment(), ...argv]);
  }

  async must(argv: string[]): Promise<string> {
    return (await this.machine.must([...this.environment(), ...argv])).stdout.trim();
  }

  sql(statement: string): Promise<string> {
    return this.must(['psql', '-XAt', '-v', 'ON_ERROR_STOP=1', '-c', statement]);
  }

  async initialise(): Promise<void> {
    await this.makeHome();
    await this.must([`${bin}initdb`, '-D', this.data, '--no-sync', '-A', 'trust']);
    await this.startServer();
  }

  /** Makes it a streaming replica. */
  async copy(leader: ArchivedDatabase): Promise<void> {
    await this.makeHome();
    const from = ['-d', `host=${leader.home} user=postgres`];
    await this.must([`${bin}pg_basebackup`, ...from, '-D', this.data, '-c', 'fast', '-R', '--no-sync']);
    await this.startServer();
  }

  /** Creates the folder with the pgBackRest configuration. */
  async makeHome(): Promise<void> {
    await this.machine.must(['mkdir', '-p', this.home]);
    writeFileSync(join(this.folder, 'pgbackrest.conf'), pgbackrestConf(this.stanza, { home: this.home }));
  }

  async startServer(): Promise<void> {
    appendFileSync(join(this.folder, 'data/postgresql.conf'), settings(this.home, this.stanza));
    await this.must([
      `${bin}pg_ctl`,
      'start',
      '-D',
      this.data,
      '-l',
      `${this.home}/postgres.log`,
      '-t',
      '60',
    ]);
  }

  async stopServer(): Promise<void> {
    await this.must([`${bin}pg_ctl`, 'stop', '-D', this.data, '-m', 'fast']);
  }

  async promote(): Promise<void> {
    await this.must([`${bin}pg_ctl`, 'promote', '-D', this.data]);
  }

  /** The WAL of a timeline from a position on, one record per line. */
  async wal(timeline: number, start: string): Promise<string> {
    const argv = [`${bin}pg_waldump`, '-p', `${this.data}/pg_wal`, '-t', String(timeline), '-s', start];
    // It ends with an error: there is no record after the last one.
    return (await this.run(['env', 'TZ=UTC', ...argv])).stdout;
  }

  /** Where each timeline of its history left the one before it. */
  timelines(newest: number): { timeline: number; beganAt: string }[] {
    if (newest === 1) return [];
    const name = `${newest.toString(16).toUpperCase().padStart(8, '0')}.history`;
    const lines = readFileSync(join(this.folder, 'data/pg_wal', name), 'utf8')
      .split('\n')
      .flatMap((line) => (/^\d/.test(line) ? [line.split('\t')] : []));
    return lines.map(([, beganAt = ''], index) => ({
      timeline: Number(lines[index + 1]?.[0] ?? newest),
      beganAt,
    }));
  }

  private environment(): string[] {
    return ['env', `PGBACKREST_CONFIG=${this.home}/pgbackrest.conf`, `PGHOST=${this.home}`];
  }
}
