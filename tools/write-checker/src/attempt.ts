/** One numbered write of one client, sent once. Times are milliseconds since the epoch. */
interface Sent {
  readonly client: number;
  readonly row: number;
  /** Just before it was sent. */
  readonly sentAt: number;
  /** Just after its outcome was known. */
  readonly at: number;
}

/** The database reported that the row was written. */
export interface Acknowledged extends Sent {
  readonly outcome: 'acknowledged';
  /** The server that accepted it: the address that it listens on. */
  readonly server: string;
  /** The timeline that it was written to, as in the names of WAL files: eight hexadecimal digits. */
  readonly timeline: string;
}

/** The server itself answered with an error: the row cannot exist. */
export interface Refused extends Sent {
  readonly outcome: 'refused';
  readonly message: string;
}

/** The connection was lost, or no answer came in time: the row may exist or not. */
export interface Unknown extends Sent {
  readonly outcome: 'unknown';
  readonly message: string;
}

export type Attempt = Acknowledged | Refused | Unknown;

export const isAcknowledged = (attempt: Attempt): attempt is Acknowledged =>
  attempt.outcome === 'acknowledged';

/** A row as it is in the table. */
export interface WrittenRow {
  readonly client: number;
  readonly row: number;
  readonly server: string;
  readonly timeline: string;
}
