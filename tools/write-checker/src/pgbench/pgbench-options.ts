/** The end of a program, whatever its exit code. */
export interface Ran {
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number;
}

/** Runs a program to its end with additional environment variables, here or on another machine. Secrets are in `env` only. */
export type RunProgram = (argv: readonly string[], env: Readonly<Record<string, string>>) => Promise<Ran>;

/** Where pgbench connects to, and how it runs. */
export interface PgbenchTarget {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  readonly password: string;
  /** More connection parameters, in libpq's terms: `{ sslmode: 'require', tcp_user_timeout: '10000' }`. */
  readonly parameters?: Readonly<Record<string, string>>;
  /** Decides where pgbench runs; here by default. */
  readonly run?: RunProgram;
  /** The program; by default the path from Debian's packages for PostgreSQL 17. */
  readonly program?: string;
}

export interface PgbenchOptions extends PgbenchTarget {
  readonly clients: number;
  /** How long to run; alternatively set `transactions`. */
  readonly seconds?: number;
  /** How many transactions each client runs; alternatively set `seconds`. */
  readonly transactions?: number;
  /** `simple` sends each statement as text, `prepared` as a prepared statement of the protocol. */
  readonly mode: 'simple' | 'prepared';
  /** Creates pgbench's tables at this scale first; when omitted, they must exist. */
  readonly scale?: number;
  /** One of pgbench's own scripts; `tpcb-like` by default. */
  readonly builtin?: 'tpcb-like' | 'simple-update' | 'select-only';
  /** pgbench waits forever for a server that has vanished: it is killed after this long. A minute more than `seconds` by default. */
  readonly withinSeconds?: number;
}

export interface PgbenchResult {
  /** Transactions that were committed. */
  readonly transactions: number;
  /** Transactions that failed and were not retried, without losing their client: deadlocks, serialization failures. */
  readonly failed: number;
  /** Clients that pgbench aborted, with its message for each. Any but an expected error ends a client, and a lost connection always does. */
  readonly disconnects: number;
  readonly aborted: readonly { readonly client: number; readonly message: string }[];
  /** The longest that one transaction took. A transaction in which a client was aborted has no end and does not count. */
  readonly worstStallMs: number;
  readonly latencyMs: { readonly p50: number; readonly p99: number };
  readonly stderr: string;
}
