import { z } from 'zod';

/** A field that cannot be parsed counts as missing: an agent may be older or newer than this code. */
const orNull = <Value extends z.ZodType>(value: Value) => value.nullable().catch(null);

const Moment = z
  .string()
  .refine((text) => !Number.isNaN(Date.parse(text)))
  .transform((text) => new Date(text).toISOString());
const Count = z.int().nonnegative();
const SegmentName = z.string().regex(/^[0-9A-F]{24}$/);
/** PostgreSQL's clock has microseconds, and they may decide which of two commits was first, so the text is kept unchanged. */
const ExactMoment = z.iso.datetime();

const Commit = z.object({ time: ExactMoment, position: Count, xid: Count });

/**
 * What a node's agent keeps in `/service/<scope>/pgfleet/nodes/<member>`: what only the node itself can see, timed by its own
 * clock. Positions are bytes of WAL.
 */
export const NodeReport = z.object({
  /** Whether the machine has a watchdog that Patroni uses. */
  watchdog: orNull(z.boolean()),
  /** The Patroni that the node runs: the package's version and the applied patches (deploy/patroni). */
  patroni: orNull(z.object({ version: z.string(), patched: z.array(z.string()) })),
  /** The member that its pooler leads sessions to. */
  follows: orNull(z.string()),
  /** What it did for the planned switchover with that id, and from `held` on, how long its pooler has held statements. */
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
  /** It led before and is on its way back as a replica. */
  rejoining: orNull(
    z.object({ timeline: z.int(), phase: z.enum(['starting', 'rewinding', 'copying']), since: Moment }),
  ),
  /**
   * How a former leader came back as a replica: its old timeline, where the new timeline branched off, and what it had written
   * after that.
   */
  rejoin: orNull(
    z.object({
      timeline: z.int(),
      promotedAt: Count,
      // Null if it was copied anew, because then nobody can know.
      bytes: Count.nullable(),
      transactions: Count.nullable(),
      how: z.enum(['followed', 'rewound', 'copied']),
      at: Moment,
    }),
  ),
  /**
   * While it writes: how far it has archived the timeline that it writes, and since when the archiver has been failing at a
   * segment. `commit` is the last one in the archived WAL.
   */
  archive: orNull(
    z.object({
      timeline: z.int(),
      segmentBytes: z.int().positive(),
      current: Count,
      segment: orNull(SegmentName),
      commit: orNull(Commit),
      // Nothing was committed between `commit` and this moment: the archive has everything.
      settledAt: orNull(Moment),
      failing: orNull(z.object({ segment: SegmentName, since: Moment })),
      switchedAt: orNull(Moment),
      archiveTimeoutSeconds: Count,
      maxWalBytes: z.int().positive(),
      at: Moment,
    }),
  ),
  /** It led before and no longer does: the timeline that it left, and the last commit on it that it archived. */
  left: orNull(z.object({ timeline: z.int(), commit: Commit })),
  /**
   * On the leader's node, for the planned switchover or hold with that id: sessions with transactions that it has to wait for.
   */
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
  /** The file system that holds its WAL, in bytes. */
  disk: orNull(z.object({ bytes: z.int().positive(), free: Count })),
});
export type NodeReport = z.output<typeof NodeReport>;
