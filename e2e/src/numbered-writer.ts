import { setTimeout as pause } from 'node:timers/promises';
import { Client } from 'pg';

/** Slow enough to leave the machines to what is tested. */
const everyMs = 25;

/** Where a number was committed: everything up to it is before the position, everything later after it. */
export interface Mark {
  number: number;
  lsn: string;
}

/** A customer that commits 1, 2, 3 … to the table `numbered` until it is stopped, each in its own transaction of one session. */
export class NumberedWriter {
  /** The last number whose commit was acknowledged. */
  written = 0;
  readonly errors: string[] = [];
  private readonly stopping = new AbortController();
  private ended: Promise<void> = Promise.resolve();
  private marking: ((mark: Mark) => void) | null = null;

  private constructor(private readonly client: Client) {
    client.on('error', (error) => this.errors.push(error.message));
  }

  static async start(connectionString: string, ca: string): Promise<NumberedWriter> {
    const writer = new NumberedWriter(new Client({ connectionString, ssl: { ca } }));
    await writer.client.connect();
    await writer.client.query('create table numbered (n int primary key)');
    writer.ended = writer.write();
    return writer;
  }

  /** The position right after the commit of a number, before the next one starts. */
  mark(): Promise<Mark> {
    return new Promise((resolve) => (this.marking = resolve));
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.ended;
    await this.client.end();
  }

  private async write(): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      try {
        await this.client.query('insert into numbered values ($1)', [this.written + 1]);
        this.written++;
        if (this.marking) await this.answer(this.marking);
      } catch (error) {
        this.errors.push(String(error));
        return;
      }
      await pause(everyMs, undefined, { signal }).catch(() => undefined);
    }
  }

  private async answer(resolve: (mark: Mark) => void): Promise<void> {
    const sql = 'select pg_current_wal_insert_lsn()::text as lsn';
    const [place] = (await this.client.query<{ lsn: string }>(sql)).rows;
    this.marking = null;
    resolve({ number: this.written, lsn: place?.lsn ?? '' });
  }
}
