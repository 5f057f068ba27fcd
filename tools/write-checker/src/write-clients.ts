import type { ConnectionOptions } from 'node:tls';
import { type Attempt, isAcknowledged, type WrittenRow } from './attempt';
import { type Gap, gapAround, gapsBetween, longestGap } from './gaps';
import type { Journal, WriteError } from './journal';
import { onOneConnection } from './one-connection';
import { WriteClient, type WriteClientSettings } from './write-client';
import { makeTable, readRows } from './write-table';

export interface WriteClientsOptions {
  /** How many clients write at the same time; 4 by default. */
  readonly clients?: number;
  /** `once` (the default): a connection is kept until it fails. `every-write`: each row gets a new connection. */
  readonly connect?: 'once' | 'every-write';
  /** How long a client waits for a connection, and for the answer to a write, before it gives up; 2000 by default. */
  readonly timeoutMs?: number;
  /** The pause between two writes of one client; 20 by default. */
  readonly pauseMs?: number;
  /** As in `pg`; when omitted, the URI's `sslmode` decides. */
  readonly ssl?: boolean | ConnectionOptions;
}

/**
 * Clients that write numbered rows through one URI and remember exactly what was acknowledged.
 * @example const clients = new WriteClients(uri); await clients.start(); ...; await clients.stop();
 *   const verdict = checkWrites({ log: clients.log, rows: await clients.rows(), durability: 'sync' });
 */
export class WriteClients {
  private readonly journal: Journal = { log: [], errors: [], disconnects: 0 };
  private readonly settings: WriteClientSettings;
  private readonly count: number;
  private readonly stopping = new AbortController();
  private writing: Promise<unknown> = Promise.resolve();
  private startedAt: number | undefined;
  private stoppedAt: number | undefined;

  constructor(uri: string, { clients = 4, ssl, ...options }: WriteClientsOptions = {}) {
    this.count = clients;
    this.settings = {
      uri,
      connect: options.connect ?? 'once',
      timeoutMs: options.timeoutMs ?? 2000,
      pauseMs: options.pauseMs ?? 20,
      ...(ssl !== undefined && { ssl }),
    };
  }

  /** Recreates the table, `write_check`, and starts the clients. Can be called once. */
  async start(): Promise<void> {
    if (this.startedAt !== undefined) throw new Error('these clients have been started before');
    this.startedAt = Date.now();
    await onOneConnection(this.settings, async (connection) => {
      for (const statement of makeTable) await connection.query(statement);
    });
    this.startedAt = Date.now();
    const clients = Array.from(
      { length: this.count },
      (_, client) => new WriteClient(client, this.settings, this.journal),
    );
    this.writing = Promise.all(clients.map((client) => client.writeUntil(this.stopping.signal)));
  }

  /** Stops the writes; when it resolves, each attempt has ended and is in the log. */
  async stop(): Promise<void> {
    this.stoppedAt ??= Date.now();
    this.stopping.abort();
    await this.writing;
  }

  /** Every attempt that has ended, in the order in which they ended. */
  get log(): readonly Attempt[] {
    return this.journal.log;
  }

  /** Every fault of a connection or a write. */
  get errors(): readonly WriteError[] {
    return this.journal.errors;
  }

  /** How many established connections were lost, or dropped because no answer came in time. */
  get disconnects(): number {
    return this.journal.disconnects;
  }

  /**
   * The longest time without an acknowledgement, over all clients: in the whole run, or among the gaps that overlap a part of it.
   * The time since the last acknowledgement counts as well; `over` is false then.
   */
  worstGap(range: { from?: number; to?: number } = {}): Gap {
    return longestGap(this.gaps(), range);
  }

  /**
   * The gap that contains an instant. A failure takes effect a little after the request, and acknowledgements may still arrive
   * meanwhile. To measure its effect, use `worstGap({ from })`.
   */
  gapAcross(instant: number): Gap {
    return gapAround(this.gaps(), instant);
  }

  /** The table's current rows, where the clients write or on another URI's server. */
  async rows(uri = this.settings.uri): Promise<WrittenRow[]> {
    return onOneConnection({ ...this.settings, uri }, (connection) => connection.query<WrittenRow>(readRows));
  }

  private gaps(): Gap[] {
    if (this.startedAt === undefined) return [];
    const acknowledgedAt = this.journal.log.filter(isAcknowledged).map(({ at }) => at);
    return gapsBetween(acknowledgedAt, this.startedAt, this.stoppedAt ?? Date.now());
  }
}
