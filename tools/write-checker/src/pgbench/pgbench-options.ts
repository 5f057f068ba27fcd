/** A program's end, whatever its exit code. */
export interface Ran {
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number;
}

/** Runs a program to its end with more environment than it has, here or on another machine. Secrets are in `env` only. */
export type RunProgram = (argv: readonly string[], env: Readonly<Record<string, string>>) => Promise<Ran>;

/** Where pgbench connects to, and how it is run. */
export interface PgbenchTarget {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  readonly password: string;
  /** More parameters of the connection, as libpq names them: `{ sslmode: 'require', tcp_user_timeout: '10000' }`. */
  readonly parameters?: Readonly<Record<string, string>>;
  /** Decides where pgbench runs; here by default. */
  readonly run?: RunProgram;
  /** The program; where Debian's packages for PostgreSQL 17 have it by default. */
  readonly program?: string;
}

export interface PgbenchOptions extends PgbenchTarget {
  readonly clients: number;
  /** How long to run; or else `transactions`. */
  readonly seconds?: number;
  /** How many transactions each client runs; or else `seconds`. */
  readonly transactions?: number;
  /** `simple` sends each statement as text, `prepared` as a prepared statement of the protocol. */
  readonly mode: 'simple' | 'prepared';
  /** Makes pgbench's tables of this scale first; left out, they are there. */
  readonly scale?: number;
  /** One of pgbench's own scripts; `tpcb-like` by default. */
  readonly builtin?: 'tpcb-like' | 'simple-update' | 'select-only';
  /** pgbench waits without end for a server that has vanished: after so long it is killed. A minute more than `seconds` by default. */
  readonly withinSeconds?: number;
}

export interface PgbenchResult {
  /** Transactions that were committed. */
  readonly transactions: number;
  /** Transactions that failed and were not tried again, without the loss of their client: deadlocks, serialization failures. */
  readonly failed: number;
  /** Clients that pgbench gave up, with what it said of each. Any but an expected error ends a client, a lost connection always. */
  readonly disconnects: number;
  readonly aborted: readonly { readonly client: number; readonly message: string }[];
  /** The longest that one transaction took. One in which a client was given up has no end and is not in it. */
  readonly worstStallMs: number;
  readonly latencyMs: { readonly p50: number; readonly p99: number };
  readonly stderr: string;
}
