import { setTimeout as pause } from 'node:timers/promises';
import { Client } from 'pg';

const everyMs = 50;
/** A connection to a lost machine stays silent, so it is given up after this time. */
const answerMs = 5_000;

/**
 * A customer that keeps inserting numbers, over a new connection whenever one fails. It remembers what was acknowledged, and
 * when.
 */
export class SteadyWriter {
  private readonly acknowledged = new Set<number>();
  private number = 0;
  private lastAt = Date.now();
  private longestMs = 0;
  private readonly stopping = new AbortController();
  private ended: Promise<void> = Promise.resolve();

  private constructor(
    private readonly connectionString: string,
    private readonly ca: string,
  ) {}

  static async start(connectionString: string, ca: string): Promise<SteadyWriter> {
    const writer = new SteadyWriter(connectionString, ca);
    const client = await writer.connect();
    await client.query('create table if not exists steady (n bigint primary key)');
    await client.end();
    writer.ended = writer.write();
    return writer;
  }

  /** The longest time without an acknowledged write since the last call. */
  takeLongestGapMs(): number {
    const longest = Math.max(this.longestMs, Date.now() - this.lastAt);
    this.longestMs = 0;
    return longest;
  }

  /** Acknowledged numbers that are missing. */
  async missing(): Promise<number[]> {
    const expected = [...this.acknowledged];
    const client = await this.connect();
    try {
      const { rows } = await client.query<{ n: string }>('select n from steady');
      const there = new Set(rows.map(({ n }) => Number(n)));
      return expected.filter((number) => !there.has(number));
    } finally {
      await client.end().catch(() => undefined);
    }
  }

  /** Stops expecting numbers that are gone: the data were taken back on purpose. */
  async expectOnlyWhatIsThere(): Promise<void> {
    const gone = await this.missing();
    for (const number of gone) this.acknowledged.delete(number);
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.ended;
  }

  private async connect(): Promise<Client> {
    const client = new Client({
      connectionString: this.connectionString,
      ssl: { ca: this.ca },
      connectionTimeoutMillis: answerMs,
      query_timeout: answerMs,
      keepAlive: true,
    });
    client.on('error', () => undefined);
    await client.connect();
    return client;
  }

  private async write(): Promise<void> {
    const { signal } = this.stopping;
    let client: Client | undefined;
    while (!signal.aborted) {
      const number = ++this.number;
      try {
        client ??= await this.connect();
        await client.query('insert into steady values ($1)', [number]);
        this.acknowledged.add(number);
        const at = Date.now();
        this.longestMs = Math.max(this.longestMs, at - this.lastAt);
        this.lastAt = at;
      } catch {
        void client?.end().catch(() => undefined);
        client = undefined;
      }
      await pause(everyMs, undefined, { signal }).catch(() => undefined);
    }
    await client?.end().catch(() => undefined);
  }
}
