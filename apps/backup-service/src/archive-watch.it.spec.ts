import { join } from 'node:path';
import { ArchivingNode, eventually } from '@pgfleet/integration';
import { stanzaCreate } from '@pgfleet/pgbackrest';
import { microsecondsOf } from './window/instant';
import { segmentOf } from './wal/wal-segment';

const stanza = 'lin_watch';
const agent = join(__dirname, '../../../deploy/ansible/roles/postgres_node/files/follow_leader');

/** The agent's own watch, turn by turn, on a database that is reached where a spec's is; prints what it says. */
const program = `
import json, sys, time
import psycopg2
sys.path.insert(0, "/srv/follow_leader")
import archive_watch
archive_watch.HEARTBEAT, archive_watch.SAY_AGAIN = float(sys.argv[2]), 0.0

class Database:
    def __init__(self):
        self.connection = psycopg2.connect(host="/srv", dbname="postgres", user="postgres")
        self.connection.autocommit = True

    def ask(self, query):
        with self.connection.cursor() as cursor:
            cursor.execute(query)
            return cursor.fetchall() if cursor.description else []

class Report:
    facts = {}

    def say(self, **facts):
        self.facts.update(facts)

watch = archive_watch.ArchiveWatch(
    Database(), "/srv/data", "/usr/lib/postgresql/17/bin/pg_waldump", lambda: True, Report(), print)
for turn in range(int(sys.argv[1])):
    watch.turn()
    time.sleep(1)
print(json.dumps(Report.facts))
`;

interface Said {
  archive: {
    timeline: number;
    segment: string | null;
    segmentBytes: number;
    current: number;
    commit: { time: string; position: number; xid: number } | null;
    failing: { segment: string; since: string } | null;
    switchedAt: string | null;
  } | null;
  disk: { bytes: number; free: number };
}

/** What the agent of a node says of its archive, with the real PostgreSQL, pg_waldump and pgBackRest. */
describe('archive_watch', () => {
  let node: ArchivingNode;

  beforeAll(async () => {
    node = await ArchivingNode.start(stanza);
    node.copyIn(agent, 'follow_leader');
    const made = await node.run(stanzaCreate(stanza));
    if (made.exitCode !== 0) throw new Error(made.stderr);
  }, 60_000);
  afterAll(() => node?.stop());

  const watch = async (turns = 1, heartbeat = 3600): Promise<Said> => {
    const { exitCode, stdout, stderr } = await node.run([
      ...['python3', '-B', '-c', program],
      ...[String(turns), String(heartbeat)],
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

  it('commits a sign of life by itself', async () => {
    const last = async (): Promise<number> =>
      Number(await node.sql('select pg_snapshot_xmax(pg_current_snapshot())'));
    const before = await last();
    await watch(1);
    expect((await last()) - before).toBe(1);
    await watch(3, 0.5);
    expect((await last()) - before).toBe(4);
    await node.sql('select pg_switch_wal()');
    await eventually(
      async () => expect((await watch(1, 3600)).archive?.commit?.xid).toBe(before + 3),
      20_000,
    );
  }, 60_000);
});
