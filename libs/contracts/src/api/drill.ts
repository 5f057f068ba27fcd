import { z } from 'zod';
import { ClusterId, OperationId } from '../ids';
import { BackupLabel, Cause, Instant, Stanza } from './fields';
import { RecoveryEnd } from './restore';
import { RecoveryTime, RestoreTarget } from './restore-target';

/** What a drill proves. It chooses whatever the request leaves out. */
export const DrillRequest = z
  .strictObject({
    backup: BackupLabel.optional().meta({
      description: 'the backup to prove; default: the newest, and all WAL archived after it',
    }),
    time: RecoveryTime.optional().meta({
      description: 'the moment in the window to prove as well; default: a random one',
    }),
  })
  .default({})
  .meta({ id: 'DrillRequest' });
export type DrillRequest = z.infer<typeof DrillRequest>;

/** What the restored data must contain and must not contain: the last writes before the target and the first after it. */
export const RestoreMarks = z.object({
  rows: z.object({ present: z.array(z.string()), absent: z.array(z.string()) }).meta({
    description: 'names of canary rows',
  }),
  transactions: z.object({ present: z.array(z.int()), absent: z.array(z.int()) }).meta({
    description: 'ids of transactions',
    example: { present: [4711], absent: [4718] },
  }),
});
export type RestoreMarks = z.infer<typeof RestoreMarks>;

/** One restore to prove, as pgBackRest gets it. */
export const RestoreToProve = z.object({
  backupLabel: BackupLabel.meta({ description: 'the backup to start from' }),
  timeline: z.int().meta({ description: 'the timeline that recovery follows' }),
  target: RestoreTarget,
  marks: RestoreMarks,
});
export type RestoreToProve = z.infer<typeof RestoreToProve>;

/** A proven restore: PostgreSQL started, checksums, tables and indexes are sound, every table was read, and the marks are right. */
export const ProvenRestore = z.object({
  ...RestoreToProve.shape,
  reached: RecoveryEnd,
  restoreMs: z.int().nonnegative().meta({ description: 'time to restore the files', example: 41_200 }),
  recoverMs: z.int().nonnegative().meta({ description: 'time to replay the WAL and start', example: 9_300 }),
  checkMs: z.int().nonnegative().meta({ description: 'time to check all data', example: 63_000 }),
  databases: z.int().positive().meta({ description: 'how many databases were checked and read', example: 2 }),
});
export type ProvenRestore = z.infer<typeof ProvenRestore>;

/** The restores of one drill. Both run on one machine, ordered for the drill. */
const proven = <Restore extends z.ZodType>(restore: Restore) =>
  z.object({
    newest: restore.meta({ description: 'restore of the newest backup, or of the requested one' }),
    moment: restore
      .nullable()
      .meta({ description: 'restore to a moment in the window; null when the window was too short' }),
  });
export const RestoresToProve = proven(RestoreToProve);
export type RestoresToProve = z.infer<typeof RestoresToProve>;
export const ProvenRestores = proven(ProvenRestore);
export type ProvenRestores = z.infer<typeof ProvenRestores>;

/** What a drill proved and measured. */
export const DrillResult = z
  .object({
    ...ProvenRestores.shape,
    bytes: z
      .int()
      .nonnegative()
      .meta({ description: 'size of the newest backup, restored', example: 31_457_280 }),
    bytesPerSecond: z
      .int()
      .nonnegative()
      .meta({ description: 'how fast they were restored', example: 12_582_912 }),
    estimate: z
      .object({
        databaseBytes: z.int().nonnegative().meta({ description: 'size of the cluster now' }),
        seconds: z.number().nonnegative().meta({
          description:
            'how long a restore of that size takes until the data can be used, at the measured speed',
          example: 52.5,
        }),
      })
      .meta({ description: 'estimate for the cluster as it is now' }),
  })
  .meta({ id: 'DrillResult' });
export type DrillResult = z.infer<typeof DrillResult>;

/** A test restore, to prove that it works. */
export const Drill = z
  .object({
    operationId: OperationId,
    stanza: Stanza,
    state: z.enum(['running', 'succeeded', 'failed']),
    startedAt: Instant,
    endedAt: Instant.nullable(),
    result: DrillResult.nullable().meta({ description: 'null unless it succeeded' }),
    cause: Cause.nullable().meta({ description: 'why it failed', example: null }),
  })
  .meta({ id: 'Drill' });
export type Drill = z.infer<typeof Drill>;

export const DrillList = z
  .object({ clusterId: ClusterId, items: z.array(Drill).meta({ description: 'newest first, at most 100' }) })
  .meta({ id: 'DrillList' });
export type DrillList = z.infer<typeof DrillList>;
