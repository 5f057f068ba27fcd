import type { Attempt, WrittenRow } from './attempt';

/** A row that was sent once but exists more than once. */
export interface Duplicate {
  readonly client: number;
  readonly row: number;
  readonly times: number;
}

/** A row that cannot exist. */
export interface Stranger extends WrittenRow {
  readonly why: 'never sent' | 'refused' | 'not as acknowledged';
}

/** What makes two sightings the same row, including the server that accepted it. */
export const keyOf = ({ client, row, server, timeline }: WrittenRow): string =>
  [client, row, timeline, server].join(' ');

/** Identifies what was sent with one number, whichever server accepted it. */
const numberOf = ({ client, row }: Pick<WrittenRow, 'client' | 'row'>): string => `${client} ${row}`;

export const duplicatesIn = (rows: readonly WrittenRow[]): Duplicate[] => {
  const seen = new Map<string, Duplicate>();
  for (const { client, row } of rows) {
    const number = numberOf({ client, row });
    seen.set(number, { client, row, times: (seen.get(number)?.times ?? 0) + 1 });
  }
  return [...seen.values()].filter(({ times }) => times > 1);
};

export const strangersIn = (rows: readonly WrittenRow[], log: readonly Attempt[]): Stranger[] => {
  const sent = new Map(log.map((attempt) => [numberOf(attempt), attempt]));
  return rows.flatMap((row) => {
    const why = strangeness(row, sent.get(numberOf(row)));
    return why ? [{ ...row, why }] : [];
  });
};

const strangeness = (row: WrittenRow, attempt: Attempt | undefined): Stranger['why'] | undefined => {
  if (!attempt) return 'never sent';
  if (attempt.outcome === 'refused') return 'refused';
  if (attempt.outcome === 'acknowledged' && keyOf(attempt) !== keyOf(row)) return 'not as acknowledged';
  // Nothing is certain about a write without an answer, so nothing can be wrong.
  return undefined;
};
