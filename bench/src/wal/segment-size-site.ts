import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ArchivingNode, eventually, makeNodeFolder } from '@pgfleet/integration';
import { type PgbenchResult, makePgbenchTables, runPgbench } from '@pgfleet/write-checker';
import { type ArchivedSegment, archivedSegments } from './archived-segments';

const bin = '/usr/lib/postgresql/17/bin/';
const stanza = 'bench-wal';
const clients = 4;
const patienceMs = 180_000;

/** What a node's pgBackRest has in addition to the options of every ArchivingNode. */
const pgbackrestOptions = `[global]
process-max=2
repo1-cipher-type=aes-256-cbc
repo1-cipher-pass=bench`;

/**
 * As on a node, except for the space for WAL. initdb's value depends on the segment size, and would cause sixteen times as many
 * checkpoints with 1 MB as with 16 MB. No segment is recycled before it has been measured.
 */
const settings = `
shared_buffers = '128MB'
max_connections = 300
wal_log_hints = on
min_wal_size = '1GB'
max_wal_size = '8GB'
wal_keep_size = '8GB'
log_line_prefix = '%m '
`;

/** Rows that compress like text: half of each is random. */
const bulk = `insert into bench_rows select md5(random()::text) || repeat('-', 96) || md5(random()::text) from generate_series(1, 500);\n`;

/** Pushes each segment named as an argument with a separate call, and prints a line with the elapsed and CPU seconds. */
const pushEach = `
  TIMEFORMAT='%R %U %S'
  for segment in "$@"; do
    time pgbackrest --stanza=${stanza} --no-archive-async --repo1-path=/srv/repo-alone archive-push "/srv/data/pg_wal/$segment" || exit 1
  done`;

export interface Push {
  ms: number;
  processorMs: number;
}

/** A PostgreSQL whose WAL has segments of one size, and its archive. */
export class SegmentSizeSite {
  private constructor(
    readonly megabytes: number,
    private readonly node: ArchivingNode,
  ) {}

  static async make(megabytes: number): Promise<SegmentSizeSite> {
    const { root, folder } = await makeNodeFolder(stanza);
    const file = join(folder, 'pgbackrest.conf');
    writeFileSync(file, readFileSync(file, 'utf8').replace('[global]', pgbackrestOptions));
    const node = new ArchivingNode(root, folder, stanza);
    const site = new SegmentSizeSite(megabytes, node);
    try {
      await node.initialise({ initdb: [`--wal-segsize=${megabytes}`], more: settings });
      await node.must(['pgbackrest', `--stanza=${stanza}`, 'stanza-create']);
      await site.sql('create table bench_rows (text text)');
      return site;
    } catch (error) {
      await node.stop();
      throw error;
    }
  }

  /** Creates the tables, and a backup of them. */
  async fill(scale: number): Promise<void> {
    await makePgbenchTables({ ...this.target(), scale });
    await this.archiveAll();
    await this.node.must(['pgbackrest', `--stanza=${stanza}`, 'backup']);
  }

  transactions(seconds: number): Promise<PgbenchResult> {
    return runPgbench({ ...this.target(), clients, seconds, mode: 'prepared' });
  }

  async bulk(seconds: number): Promise<void> {
    writeFileSync(join(this.node.folder, 'bulk.sql'), bulk);
    const amount = ['-n', '-c', String(clients), '-T', String(seconds)];
    await this.node.must([`${bin}pgbench`, ...amount, '-f', '/srv/bulk.sql', 'postgres']);
  }

  /** Bytes written to the WAL since the beginning. */
  async position(): Promise<number> {
    return Number(await this.sql(`select pg_current_wal_insert_lsn() - '0/0'`));
  }

  /** Bytes of WAL that are not in the archive, including those of the current segment. */
  async lag(): Promise<number> {
    return Number(
      await this.sql(`
        select pg_current_wal_insert_lsn() - '0/0' -
          ((pg_split_walfile_name(left(last_archived_wal, 24))).segment_number + 1) * ${this.megabytes * 2 ** 20}
        from pg_stat_archiver`),
    );
  }

  /** Completes the current segment, and waits until all are archived. Returns its name. */
  async archiveAll(): Promise<string> {
    const segment = await this.sql(`
      select pg_walfile_name(pg_switch_wal()) from pg_logical_emit_message(true, 'bench', 'something to switch for')`);
    await eventually(async () => {
      const archived = await this.sql(
        `select coalesce(left(last_archived_wal, 24), '') from pg_stat_archiver`,
      );
      if (archived < segment) throw new Error(`${segment} is not archived: the newest is ${archived}`);
    }, patienceMs);
    return segment;
  }

  /** Writes what an idle cluster's agent and PostgreSQL itself write within `archive_timeout` into a separate segment; returns its name. */
  async idleSegment(): Promise<string> {
    await this.archiveAll();
    for (let commit = 1; commit <= 4; commit++)
      await this.sql(`select pg_log_standby_snapshot(), pg_logical_emit_message(true, 'pgfleet', 'alive')`);
    return this.archiveAll();
  }

  archived(): ArchivedSegment[] {
    return archivedSegments(this.node.folder, stanza);
  }

  /** Pushes segments that are still in pg_wal again, one call each as without `archive-async`, into a separate repository. */
  async pushAlone(segments: string[]): Promise<Push[]> {
    const alone = ['--no-online', '--repo1-path=/srv/repo-alone'];
    await this.node.must(['pgbackrest', `--stanza=${stanza}`, ...alone, 'stanza-create']);
    const { stderr } = await this.node.must(['bash', '-c', pushEach, 'bash', ...segments]);
    return stderr
      .trim()
      .split('\n')
      .map((line) => line.split(' ').map((seconds) => Number(seconds) * 1000))
      .map(([ms = NaN, user = NaN, system = NaN]) => ({ ms, processorMs: user + system }));
  }

  /**
   * CPU time of all archiving so far, in milliseconds. The calls are children of the archiver. Their background pushes are
   * orphans, which the first process waits for.
   */
  async archivingMs(): Promise<number> {
    const archiver = await this.sql(`select pid from pg_stat_activity where backend_type = 'archiver'`);
    const { stdout } = await this.node.must(['cat', '/proc/1/stat', `/proc/${archiver}/stat`]);
    const ticks = stdout
      .trim()
      .split('\n')
      .map((line) => line.slice(line.lastIndexOf(')') + 2).split(' '))
      .map((fields) => Number(fields[13]) + Number(fields[14]));
    return ticks.reduce((sum, each) => sum + each * 10, 0);
  }

  /**
   * Restores the backup and recovers up to a position. Returns how long PostgreSQL replayed, in milliseconds, without the copying
   * of files.
   */
  async recover(to: number): Promise<number> {
    const lsn = await this.sql(`select '0/0'::pg_lsn + ${to}`);
    await this.node.stopServer();
    await this.node.must(['mkdir', '-m', '700', '/srv/restored']);
    const target = ['--type=lsn', `--target=${lsn}`, '--target-action=promote', '--archive-mode=off'];
    await this.node.must([
      ...['pgbackrest', `--stanza=${stanza}`, '--pg1-path=/srv/restored', '--process-max=2'],
      ...[...target, 'restore'],
    ]);
    await this.node.startServer('/srv/restored');
    await eventually(async () => {
      if ((await this.sql('select pg_is_in_recovery()')) === 't') throw new Error('it still recovers');
    }, patienceMs);
    return this.logged('recovery stopping') - this.logged('redo starts at');
  }

  async remove(): Promise<void> {
    await this.node.stop();
  }

  /** When the server last logged a message. */
  private logged(what: string): number {
    const line = this.node.log.split('\n').findLast((each) => each.includes(what));
    if (!line) throw new Error(`the server did not say ${what}: ${this.node.log.slice(-2000)}`);
    return Date.parse(line.slice(0, 23).replace(' ', 'T') + 'Z');
  }

  private sql(statement: string): Promise<string> {
    return this.node.sql(statement);
  }

  private target() {
    return {
      ...{ host: '/srv', port: 5432, database: 'postgres', user: 'postgres', password: '' },
      run: async (argv: readonly string[]) => {
        const { exitCode, ...output } = await this.node.run([...argv]);
        return { ...output, code: exitCode };
      },
    };
  }
}
