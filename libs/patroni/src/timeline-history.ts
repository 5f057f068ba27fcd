import { z } from 'zod';

/** The end of a timeline, as the leader of the next one recorded it. */
export interface EndedTimeline {
  timeline: number;
  /** Where it ended and the next began, bytes of WAL. */
  endedAtPosition: number;
  /** PostgreSQL's reason, e.g. `no recovery target specified`. */
  reason: string;
  /** When the next leader was promoted, ISO; null for releases that do not record it. */
  at: string | null;
  /** The leader of the timeline that followed. */
  leader: string | null;
}

/** `[timeline, position, reason]`, `[…, time]` or `[…, time, new leader]`, depending on what Patroni knew. */
const Entry = z
  .tuple([z.int(), z.int(), z.string()])
  .rest(z.unknown())
  .transform(([timeline, endedAtPosition, reason, at, leader]): EndedTimeline => ({
    timeline,
    endedAtPosition,
    reason,
    at: typeof at === 'string' && !Number.isNaN(Date.parse(at)) ? new Date(at).toISOString() : null,
    leader: typeof leader === 'string' ? leader : null,
  }));

/** Parses Patroni's `history`; anything that is not an entry is left out. */
export const readHistory = (value: unknown): EndedTimeline[] =>
  Array.isArray(value) ? value.flatMap((entry) => Entry.safeParse(entry).data ?? []) : [];
