import { z } from 'zod';

/** Whatever a node says that is not understood counts as not said: an agent may be older or newer than this. */
const orNull = <Value extends z.ZodType>(value: Value) => value.nullable().catch(null);

const Moment = z
  .string()
  .refine((text) => !Number.isNaN(Date.parse(text)))
  .transform((text) => new Date(text).toISOString());
const Count = z.int().nonnegative();
const SegmentName = z.string().regex(/^[0-9A-F]{24}$/);
/** PostgreSQL's clock has microseconds, and of two commits they may decide which was first: kept as it was said. */
const ExactMoment = z.iso.datetime();

const Commit = z.object({ time: ExactMoment, position: Count, xid: Count });

/**
 * What the agent of a node keeps in `/service/<scope>/pgfleet/nodes/<member>`: what only the node itself can see, at the time of its
 * own clock. Positions are bytes of WAL.
 */
export const NodeReport = z.object({
  /** The machine has a watchdog that Patroni uses. */
  watchdog: orNull(z.boolean()),
  /** The Patroni that it runs: the package's version, and the patches (deploy/patroni) that it runs with. */
  patroni: orNull(z.object({ version: z.string(), patched: z.array(z.string()) })),
  /** The member that its pooler leads sessions to. */
  follows: orNull(z.string()),
  /** What it did for the planned switchover of that id; from `held` on, for how long its pooler held statements. */
  hold: orNull(
    z.object({
      id: z.string(),
      state: z.enum(['preparing', 'prepared', 'held', 'refused', 'released']),
      ms: z.number().nonnegative().transform(Math.round).catch(0),
      reason: orNull(z.string()),
    }),
  ),
  /** It misses the leader that it followed. */
  lost: orNull(z.object({ leader: z.string(), since: Moment })),
  /** Its PostgreSQL takes writes as the leader; `promotedAt` is where this timeline began. */
  writable: orNull(z.object({ timeline: z.int(), promotedAt: orNull(Count), since: Moment })),
  /** It led and is on its way back as a replica. */
  rejoining: orNull(
    z.object({ timeline: z.int(), phase: z.enum(['starting', 'rewinding', 'copying']), since: Moment }),
  ),
  /** How it came back as a replica, having been a leader: its old timeline, where the new one left it, and what it had written after that. */
  rejoin: orNull(
    z.object({
      timeline: z.int(),
      promotedAt: Count,
      // Null when nobody can know: it was copied anew.
      bytes: Count.nullable(),
      transactions: Count.nullable(),
      how: z.enum(['followed', 'rewound', 'copied']),
      at: Moment,
    }),
  ),
  /**
   * While it writes: how far its archive is on the timeline that it writes, and since when the archiver fails at a segment. `commit` is the
   * last one in what is archived.
   */
  archive: orNull(
    z.object({
      timeline: z.int(),
      segmentBytes: z.int().positive(),
      current: Count,
      segment: orNull(SegmentName),
      commit: orNull(Commit),
      // Until then nothing was committed after `commit`: the archive has everything.
      settledAt: orNull(Moment),
      failing: orNull(z.object({ segment: SegmentName, since: Moment })),
      switchedAt: orNull(Moment),
      archiveTimeoutSeconds: Count,
      maxWalBytes: z.int().positive(),
      at: Moment,
    }),
  ),
  /** It led and leads no more: the timeline that it left, and the last commit of it that it archived. */
  left: orNull(z.object({ timeline: z.int(), commit: Commit })),
  /** On the leader's node, for a planned switchover or a hold of that id: sessions with transactions that it has to wait for. */
  blockers: orNull(
    z.object({
      id: z.string(),
      total: Count,
      terminated: z.boolean(),
      sessions: z.array(
        z.object({
          pid: z.int(),
          user: z.string(),
          database: z.string(),
          application: z.string(),
          state: z
            .string()
            .nullable()
            .transform((state) => state ?? 'unknown'),
          since: Moment,
        }),
      ),
    }),
  ),
  /** The file system with its WAL, in bytes. */
  disk: orNull(z.object({ bytes: z.int().positive(), free: Count })),
});
export type NodeReport = z.output<typeof NodeReport>;
