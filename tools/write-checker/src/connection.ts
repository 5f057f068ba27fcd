import { Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import type { ConnectionOptions } from 'node:tls';
import { Client, type ClientConfig } from 'pg';

export interface ConnectionSettings {
  readonly uri: string;
  /** TLS as the program wants it, whatever the URI's `sslmode`; when omitted, the URI decides. */
  readonly ssl?: boolean | ConnectionOptions;
  /** How long to wait for a connection, and for the answer to a statement. */
  readonly timeoutMs: number;
}

const closeWithinMs = 1000;

/**
 * A connection that notices when it is lost, and that can be dropped whatever happened to the other side. The timeout is the
 * client's own. A `statement_timeout` would make the server stop waiting for a synchronous replica and acknowledge a row that is
 * on one machine only.
 */
export class Connection {
  private lost: Error | undefined;

  private constructor(
    private readonly client: Client,
    private readonly socket: Socket,
  ) {
    client.on('error', (error) => (this.lost ??= error));
    client.on('end', () => (this.lost ??= new Error('the connection ended')));
  }

  static async open(settings: ConnectionSettings): Promise<Connection> {
    const socket = new Socket();
    const connection = new Connection(new Client(configuration(settings, socket)), socket);
    try {
      await connection.client.connect();
      return connection;
    } catch (error) {
      await connection.close();
      throw error;
    }
  }

  /** Why the connection is unusable; undefined while it works. */
  get lostBecause(): Error | undefined {
    return this.lost;
  }

  async query<Row>(sql: string, values?: unknown[]): Promise<Row[]> {
    return (await this.client.query(sql, values)).rows as Row[];
  }

  /** Ends the session if the server still answers, and drops the connection in any case. */
  async close(): Promise<void> {
    const goodbye = this.client.end().catch(() => undefined);
    // A machine without power never answers.
    await Promise.race([goodbye, pause(closeWithinMs, undefined, { ref: false })]);
    this.socket.destroy();
  }
}

const configuration = ({ uri, ssl, timeoutMs }: ConnectionSettings, socket: Socket): ClientConfig => {
  const url = new URL(uri);
  // The URI's value would override the option.
  if (ssl !== undefined) url.searchParams.delete('sslmode');
  return {
    connectionString: url.href,
    ...(ssl !== undefined && { ssl }),
    connectionTimeoutMillis: timeoutMs,
    query_timeout: timeoutMs,
    stream: () => socket,
  };
};
