import { setTimeout as pause } from 'node:timers/promises';
import { Client } from 'pg';
import type { ArchivedDatabase } from './archiving-machine';
import type { Written } from './written-history';

/** A random number below a limit. */
export type Random = (below: number) => number;

/** The same numbers for the same seed. */
export const randomFrom = (seed: number): Random => {
  let state = seed >>> 0;
  return (below) => {
    // mulberry32
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
  };
};

/** Writes numbered rows into the table `t`, and remembers which transaction wrote which row. */
export class RowWriters {
  readonly written: Written[] = [];
  private row = 0;

  constructor(private readonly random: Random) {}

  /** Several clients at once: some transactions are long, some are rolled back in whole or in part. */
  async busy(database: ArchivedDatabase, timeline: number, forMs: number): Promise<void> {
    const until = Date.now() + forMs;
    const clients = Array.from({ length: 4 }, (_, index) => index);
    await Promise.all(
      clients.map((index) =>
        this.connected(database, async (client) => {
          while (Date.now() < until) {
            await this.transaction(client, timeline, index === 0 ? 200 + this.random(500) : this.random(10));
            await pause(this.random(15));
          }
        }),
      ),
    );
  }

  /** A few transactions, one after the other, without concurrency. */
  async few(database: ArchivedDatabase, timeline: number, count = 4): Promise<void> {
    await this.connected(database, async (client) => {
      for (let time = 0; time < count; time++) {
        await this.transaction(client, timeline, 0, true);
        await pause(20);
      }
    });
  }

  private async transaction(client: Client, timeline: number, waitMs: number, commit = false): Promise<void> {
    await client.query('begin');
    const rows = await this.insert(client);
    const { rows: ids } = await client.query<{ xid: string }>('select pg_current_xact_id()::text as xid');
    if (this.random(6) === 0) {
      await client.query('savepoint part');
      await this.insert(client);
      await client.query('rollback to part');
    }
    if (waitMs > 0) await pause(waitMs);
    const committed = commit || this.random(6) > 0;
    await client.query(committed ? 'commit' : 'rollback');
    this.written.push({ timeline, xid: Number(ids[0]!.xid), rows, committed });
  }

  private async insert(client: Client): Promise<number[]> {
    const rows = Array.from({ length: 1 + this.random(3) }, () => ++this.row);
    await client.query('insert into t select unnest($1::int[])', [rows]);
    return rows;
  }

  private async connected(
    database: ArchivedDatabase,
    work: (client: Client) => Promise<void>,
  ): Promise<void> {
    const client = new Client({ host: database.folder, user: 'postgres', database: 'postgres' });
    await client.connect();
    try {
      await work(client);
    } finally {
      await client.end();
    }
  }
}
