import { Socket } from 'node:net';
import { Client, type QueryResultRow } from 'pg';
import { customerNotices, type CustomerFacts, factsQuery, type Customer } from './customer-notices';

export interface SqlTarget {
  address: string;
  port: number;
  database: string;
  user: string;
  password: string;
  /** PEM of the CA that signed the node's certificate. */
  authority: string;
}

export interface SqlAnswer {
  inRecovery: boolean;
  /** The customer's SQL changes that keep their role from working. */
  notices: string[];
}

/** Asks a node, through PgBouncer and in the platform's own database, whether it is in recovery and the customer's role works. */
export async function askNode(
  target: SqlTarget,
  customer: Customer | undefined,
  signal: AbortSignal,
): Promise<SqlAnswer> {
  const question = `select pg_is_in_recovery() as recovery, facts.* from (${factsQuery}) facts`;
  const names = [customer?.database ?? '', customer?.user ?? ''];
  const [row] = await ask<{ recovery: boolean } & CustomerFacts>(target, question, signal, names);
  if (!row) throw new Error('PostgreSQL gave no answer');
  return { inRecovery: row.recovery, notices: customer ? customerNotices(row, customer) : [] };
}

/** Connects like any client: verified TLS and SCRAM. Creates the socket itself, so that an abort closes it in any state. */
export async function ask<T extends QueryResultRow>(
  target: SqlTarget,
  question: string,
  signal: AbortSignal,
  values: string[] = [],
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
  // A connection that breaks outside a query emits this event. Without a listener it would end the process.
  client.on('error', () => undefined);
  const abort = () => socket.destroy();
  signal.addEventListener('abort', abort, { once: true });
  try {
    signal.throwIfAborted();
    await client.connect();
    return (await client.query<T>(question, values)).rows;
  } finally {
    signal.removeEventListener('abort', abort);
    // PgBouncer keeps its server connection, so there is no need to wait for a clean close that could hang.
    client.end().catch(() => undefined);
    setTimeout(abort, 1_000).unref();
  }
}
