import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import type { WalSight } from '@pgfleet/contracts';
import { lsnOf } from '../wal/wal-position';
import type { ArchivedDatabase } from './archiving-machine';

export const roleFiles = join(__dirname, '../../../../deploy/ansible/roles/postgres_node/files');

/** Runs the agent's own archive watch against the spec's database; prints a line for every report. */
const program = `
import json, sys, time
import psycopg2
sys.path.insert(0, "/srv/follow_leader")
import archive_watch
archive_watch.HEARTBEAT, archive_watch.EVERY = 1.5, 0.3

class Database:
    def __init__(self):
        self.connection = psycopg2.connect(host=sys.argv[1], dbname="postgres", user="postgres")
        self.connection.autocommit = True

    def ask(self, query):
        with self.connection.cursor() as cursor:
            cursor.execute(query)
            return cursor.fetchall() if cursor.description else []

class Report:
    facts = {}

    def say(self, **facts):
        self.facts.update(facts)
        print(json.dumps(self.facts), flush=True)

watch = archive_watch.ArchiveWatch(
    Database(), sys.argv[1] + "/data", "/usr/lib/postgresql/17/bin/pg_waldump", lambda: True, Report(), print)
while True:
    watch.turn()
    time.sleep(archive_watch.EVERY)
`;

type Archive = NonNullable<WalSight['members'][number]['archive']>;
interface Facts {
  archive?: Omit<Archive, 'commit' | 'currentLsn'> & {
    current: number;
    commit: { time: string; position: number; xid: number } | null;
  };
  disk?: { bytes: number; free: number };
}

/** A leader with an agent that reports on its archive and commits signs of life; cluster-service passes the reports on. */
export class WatchedDatabase {
  private readonly agent: ChildProcess;
  private complaints = '';

  constructor(
    readonly database: ArchivedDatabase,
    clusterId: string,
    readonly timeline: number,
    say: (sight: WalSight) => void,
  ) {
    this.agent = database.start(['python3', '-B', '-c', program, database.home]);
    this.agent.stderr!.on('data', (chunk) => (this.complaints += chunk));
    const { stanza, name } = database;
    const timelines = database.timelines(timeline);
    createInterface({ input: this.agent.stdout! }).on('line', (line) => {
      const { archive, disk } = JSON.parse(line) as Facts;
      if (!archive) return;
      const { current, commit, ...same } = archive;
      const said: Archive = {
        ...same,
        currentLsn: lsnOf(current),
        commit: commit && { time: commit.time, lsn: lsnOf(commit.position), xid: commit.xid },
      };
      this.archive = said;
      const member = { name, role: 'leader' as const, timeline, lsn: said.currentLsn, archive: said };
      say({ clusterId, stanza, timelines, members: [{ ...member, disk: disk ?? null }] });
    });
  }

  archive: Archive | null = null;

  /** Waits until everything written so far is archived and reported; returns the newest segment. */
  async flushed(within: (check: () => void, ms: number) => Promise<void>): Promise<string> {
    const segment = await this.database.sql('select pg_walfile_name(pg_switch_wal())');
    await within(() => {
      if ((this.archive?.segment ?? '') < segment)
        throw new Error(`${this.archive?.segment} of ${segment} is archived. ${this.complaints}`);
    }, 40_000);
    return segment;
  }

  async stop(): Promise<void> {
    if (this.agent.signalCode !== null) return;
    const closed = once(this.agent, 'close');
    this.agent.kill('SIGKILL');
    await closed;
  }
}
