import { Socket } from 'node:net';
import { Client, type QueryResultRow } from 'pg';

export interface SqlTarget {
  address: string;
  port: number;
  database: string;
  user: string;
  password: string;
  /** PEM of the CA that signed the node's certificate. */
  authority: string;
}

/** Asks a node through its PgBouncer whether it is in recovery. */
export async function isInRecovery(target: SqlTarget, signal: AbortSignal): Promise<boolean> {
  const [row] = await ask<{ recovery: boolean }>(target, 'select pg_is_in_recovery() as recovery', signal);
  return row?.recovery ?? false;
}

/**
 * Connects as any client would: TLS, verified, scram. The socket is ours, so that an abort ends it whatever state the connection is in.
 */
export async function ask<T extends QueryResultRow>(
  target: SqlTarget,
  question: string,
  signal: AbortSignal,
): Promise<T[]> {
  const socket = new Socket();
  const { address: host, port, database, user, password, authority } = target;
  const client = new Client({
    host,
    port,
    database,
    user,
    password,
    ssl: { ca: authority },
    application_name: 'pgfleet health',
    stream: () => socket,
  });
  // A connection that breaks outside of a query says so here, and would end the process if nobody listened.
  client.on('error', () => undefined);
  const abort = () => socket.destroy();
  signal.addEventListener('abort', abort, { once: true });
  try {
    signal.throwIfAborted();
    await client.connect();
    return (await client.query<T>(question)).rows;
  } finally {
    signal.removeEventListener('abort', abort);
    // PgBouncer keeps its server connection; ours needs no farewell that could hang.
    client.end().catch(() => undefined);
    setTimeout(abort, 1_000).unref();
  }
}
