import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { ArchivingNode, eventually, type Ran } from '@pgfleet/integration';
import { stanzaCreate } from '@pgfleet/pgbackrest';
import { ArchivedDatabase, startMachine } from './testing/archiving-machine';
import { microsecondsOf } from './window/instant';
import { segmentOf } from './wal/wal-segment';

const stanza = 'lin_watch';
const agent = join(__dirname, '../../../deploy/ansible/roles/postgres_node/files/follow_leader');

/** Runs the agent's own archive watch, one round at a time, against the spec's database, and prints the reports. */
const program = `
import json, sys, time
import psycopg2
sys.path.insert(0, "/srv/follow_leader")
import archive_watch
archive_watch.HEARTBEAT, archive_watch.SAY_AGAIN = float(sys.argv[2]), 0.0

class Database:
    connection = None

    def ask(self, query):
        try:
            if self.connection is None:
                self.connection = psycopg2.connect(host=sys.argv[3], dbname="postgres", user="postgres")
                self.connection.autocommit = True
            with self.connection.cursor() as cursor:
                cursor.execute(query)
                return cursor.fetchall() if cursor.description else []
        except psycopg2.OperationalError:
            self.connection = None
            return None

class Report:
    facts = {}

    def say(self, **facts):
        self.facts.update(facts)

watch = archive_watch.ArchiveWatch(
    Database(), sys.argv[3] + "/data", "/usr/lib/postgresql/17/bin/pg_waldump", lambda: True, Report(), print)
for turn in range(int(sys.argv[1])):
    watch.turn()
    time.sleep(1)
print(json.dumps(Report.facts))
`;

interface Runs {
  run(argv: string[]): Promise<Ran>;
}

interface Said {
  archive: {
    timeline: number;
    segment: string | null;
    segmentBytes: number;
    current: number;
    commit: { time: string; position: number; xid: number } | null;
    settledAt: string | null;
    failing: { segment: string; since: string } | null;
    switchedAt: string | null;
  } | null;
  left?: { timeline: number; commit: { time: string; position: number; xid: number } };
  disk: { bytes: number; free: number };
}

/** Checks what a node's agent reports about its archive, with the real PostgreSQL, pg_waldump and pgBackRest. */
describe('archive_watch', () => {
  let node: ArchivingNode;

  beforeAll(async () => {
    node = await ArchivingNode.start(stanza);
    node.copyIn(agent, 'follow_leader');
    const made = await node.run(stanzaCreate(stanza));
    if (made.exitCode !== 0) throw new Error(made.stderr);
  }, 60_000);
  afterAll(() => node?.stop());

  const watch = async (turns = 1, heartbeat = 3600, machine: Runs = node, home = '/srv'): Promise<Said> => {
    const { exitCode, stdout, stderr } = await machine.run([
      ...['python3', '-B', '-c', program],
      ...[String(turns), String(heartbeat), home],
    ]);
    if (exitCode !== 0) throw new Error(stderr);
    return JSON.parse(stdout.trim().split('\n').at(-1)!) as Said;
  };

  const archiveBy = (command: string): Promise<string> =>
    node
      .sql(`alter system set archive_command = '${command}'`)
      .then(() => node.sql('select pg_reload_conf()'));

  it('says which segment the archiver fails at', async () => {
    await archiveBy('false');
    const segment = await node.sql('select pg_walfile_name(pg_switch_wal())');
    await eventually(async () => {
      const { archive } = await watch();
      expect(archive).toMatchObject({ timeline: 1, failing: { segment } });
    }, 20_000);
    await archiveBy(`pgbackrest --stanza=${stanza} archive-push %p`);
  }, 30_000);

  it('finds the last commit in what is archived, to the microsecond', async () => {
    await node.sql('create table t (n int)');
    await node.sql('insert into t values (1)');
    const [xid, segment] = (
      await node.sql('select max(xmin::text::int), pg_walfile_name(pg_switch_wal()) from t')
    ).split('|');
    await node.sql('insert into t values (2)');
    const { archive, disk } = await eventually(async () => {
      const said = await watch();
      expect(said.archive?.segment).toBe(segment);
      return said;
    }, 70_000);
    expect(archive).toMatchObject({ failing: null, commit: { xid: Number(xid) } });
    const { begin, end } = segmentOf(segment!, archive!.segmentBytes);
    expect(archive!.commit!.position).toBeGreaterThan(begin);
    expect(archive!.commit!.position).toBeLessThan(end);
    expect(archive!.current).toBeGreaterThan(archive!.commit!.position);
    expect(Math.abs(microsecondsOf(archive!.commit!.time) / 1000 - Date.now())).toBeLessThan(90_000);
    expect(disk.free).toBeLessThan(disk.bytes);
  }, 90_000);

  const nextId = async (): Promise<number> =>
    Number(await node.sql('select pg_snapshot_xmax(pg_current_snapshot())'));

  it('commits a sign of life after those of others, and none when nobody writes', async () => {
    const before = await nextId();
    await watch(4, 0.5);
    expect((await nextId()) - before).toBe(1);
    await archiveBy('false');
    const watching = watch(6, 0.5);
    await eventually(async () => expect((await nextId()) - before).toBe(2));
    const own = await node.sql('select pg_current_xact_id()');
    const said = await watching;
    expect((await nextId()) - Number(own)).toBe(2);
    // A commit that is not archived is not settled.
    expect(said.archive?.settledAt).toBeNull();
    await archiveBy(`pgbackrest --stanza=${stanza} archive-push %p`);
  }, 60_000);

  it('says that nothing has followed what is archived, and writes no WAL then', async () => {
    const watching = watch(12, 0.5);
    await pause(2_000);
    await node.sql('checkpoint');
    const segment = await node.sql('select pg_walfile_name(pg_switch_wal())');
    const { archive } = await watching;
    expect(archive?.segment).toBe(segment);
    expect(archive!.settledAt! > archive!.commit!.time).toBe(true);
    expect(Date.now() - Date.parse(archive!.settledAt!)).toBeLessThan(10_000);
    expect(archive!.commit!.xid).toBe((await nextId()) - 1);
    // The rest is only what PostgreSQL itself logs, which does not make archive_timeout switch segments.
    expect(archive!.current - segmentOf(segment, archive!.segmentBytes).end).toBeLessThan(1024);
  }, 60_000);

  it('gives signs of life while a transaction that writes is open', async () => {
    const before = await nextId();
    const open = node.sql('begin; select pg_current_xact_id(); select pg_sleep(5); commit');
    const { archive } = await watch(4, 0.5);
    expect(archive?.settledAt).toBeNull();
    // The open transaction's own id, and one for each look.
    await eventually(async () => expect((await nextId()) - before).toBeGreaterThanOrEqual(4));
    await open;
  }, 60_000);

  it('says the last commit of the timeline that it has left', async () => {
    const machine = await startMachine();
    try {
      const database = new ArchivedDatabase(machine, 'n1', 'lin_left');
      machine.copyIn(agent, 'follow_leader');
      await database.initialise();
      await database.must(stanzaCreate('lin_left'));
      await database.sql('create table t (n int)');
      const watching = watch(15, 3600, database, database.home);
      await pause(2_500);
      const xid = parseInt(await database.sql('insert into t values (3) returning xmin'), 10);
      // The transaction ends within one segment, so only stopping the server archives it.
      await database.stopServer();
      writeFileSync(join(database.folder, 'data/standby.signal'), '');
      await database.startServer();
      const said = await watching;
      expect(said.archive).toBeNull();
      expect(said.left).toMatchObject({ timeline: 1, commit: { xid } });
    } finally {
      await machine.stop();
    }
  }, 90_000);
});
