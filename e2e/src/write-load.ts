import type { Credentials } from '@pgfleet/contracts';
import { Client } from 'pg';

export interface Acknowledged {
  row: number;
  at: number;
}

/**
 * A client that writes numbered rows one after the other and remembers which were acknowledged. It connects anew for each row, as a
 * client does that lost its connection; a write that is not acknowledged within 2 s counts as failed and is not repeated.
 */
export class WriteLoad {
  readonly acknowledged: Acknowledged[] = [];
  failed = 0;
  private stopping = false;
  private done: Promise<void> = Promise.resolve();

  private constructor(private readonly uri: string) {}

  static async start({ primaryUri }: Credentials): Promise<WriteLoad> {
    const load = new WriteLoad(primaryUri.replace('?sslmode=require', ''));
    await load.query(
      'create table if not exists write_load (row int primary key, at timestamptz default clock_timestamp())',
    );
    await load.query('truncate write_load');
    load.done = load.write();
    return load;
  }

  /** Longest time between two acknowledged writes, in milliseconds. */
  worstGapMs(): number {
    return this.acknowledged.reduce(
      (worst, { at }, index) => Math.max(worst, at - (this.acknowledged[index - 1]?.at ?? at)),
      0,
    );
  }

  async stop(): Promise<void> {
    this.stopping = true;
    await this.done;
  }

  /** The rows that the database has now. */
  async rows(): Promise<Set<number>> {
    return new Set(
      (await this.query('select row from write_load')).map((row) => Number((row as { row: number }).row)),
    );
  }

  private async write(): Promise<void> {
    for (let row = 1; !this.stopping; row++) {
      try {
        await this.query(`insert into write_load (row) values (${row})`);
        this.acknowledged.push({ row, at: Date.now() });
      } catch {
        this.failed++;
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  private async query(sql: string): Promise<unknown[]> {
    // The platform's own specs check the authority; here only the path matters.
    const client = new Client({
      connectionString: this.uri,
      ssl: { rejectUnauthorized: false },
      connectionTimeoutMillis: 2000,
      query_timeout: 2000,
    });
    client.on('error', () => undefined);
    try {
      await client.connect();
      return (await client.query(sql)).rows;
    } finally {
      await client.end().catch(() => undefined);
    }
  }
}
