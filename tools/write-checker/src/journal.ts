import type { Attempt } from './attempt';

/** A fault of a client's connection or write. */
export interface WriteError {
  readonly client: number;
  readonly at: number;
  readonly during: 'connecting' | 'idle' | 'writing';
  readonly message: string;
}

/** What all clients of one run have seen, in the order in which they saw it. */
export interface Journal {
  readonly log: Attempt[];
  readonly errors: WriteError[];
  /** Established connections that were lost, or dropped because no answer came in time. */
  disconnects: number;
}
