import { setTimeout as pause } from 'node:timers/promises';
import { Client } from 'pg';

const lookEveryMs = 200;
const commitEveryMs = 1000;
/** A segment's last commits wait for `archive_timeout`, and for the push. */
const patienceMs = 120_000;

/**
 * Measures how long commits wait until they are archived, in milliseconds. Inserts a row a second for this many seconds, and
 * watches each until PostgreSQL reports that the segment with its commit is in the repository. Accurate to a fifth of a second.
 */
export async function archiveDelays(uri: string, seconds: number): Promise<number[]> {
  const client = new Client({
    connectionString: uri.replace('?sslmode=require', ''),
    ssl: { rejectUnauthorized: false },
  });
  await client.connect();
  try {
    await client.query('create table if not exists bench_commits (at timestamptz)');
    const delays: number[] = [];
    let waiting: { segment: string; at: number }[] = [];
    const end = Date.now() + seconds * 1000;
    for (let next = Date.now(); Date.now() < end + patienceMs;) {
      if (Date.now() >= next && Date.now() < end) {
        await client.query('insert into bench_commits values (clock_timestamp())');
        const at = Date.now();
        const { rows } = await client.query<{ segment: string }>(
          'select pg_walfile_name(pg_current_wal_lsn()) as segment',
        );
        waiting.push({ segment: rows[0]?.segment ?? '', at });
        next += commitEveryMs;
      }
      const { rows } = await client.query<{ wal: string | null }>(
        'select left(last_archived_wal, 24) as wal from pg_stat_archiver',
      );
      const now = Date.now();
      const archived = rows[0]?.wal ?? '';
      delays.push(...waiting.filter(({ segment }) => segment <= archived).map(({ at }) => now - at));
      waiting = waiting.filter(({ segment }) => segment > archived);
      if (now > end && waiting.length === 0) return delays;
      await pause(lookEveryMs);
    }
    throw new Error(`${waiting.length} commits were not archived ${patienceMs / 1000} s after the last`);
  } finally {
    await client.end();
  }
}
