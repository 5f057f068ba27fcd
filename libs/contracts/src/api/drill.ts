import { z } from 'zod';
import { ClusterId, OperationId } from '../ids';
import { BackupLabel, Cause, Instant, Stanza } from './fields';
import { RecoveryEnd } from './restore';
import { RecoveryTime, RestoreTarget } from './restore-target';

/** What a drill is to prove; what is not said it chooses itself. */
export const DrillRequest = z
  .strictObject({
    backup: BackupLabel.optional().meta({
      description: 'the backup to prove; else the newest, and all WAL that was archived after it',
    }),
    time: RecoveryTime.optional().meta({
      description: 'the moment of the window to prove as well; else one at random',
    }),
  })
  .default({})
  .meta({ id: 'DrillRequest' });
export type DrillRequest = z.infer<typeof DrillRequest>;

/** What is to be found in restored data, and what is not: the last that was written before the target, and the first after it. */
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

/** One restore that is to be proven, as it is given to pgBackRest. */
export const RestoreToProve = z.object({
  backupLabel: BackupLabel.meta({ description: 'the backup to begin with' }),
  timeline: z.int().meta({ description: 'that recovery follows' }),
  target: RestoreTarget,
  marks: RestoreMarks,
});
export type RestoreToProve = z.infer<typeof RestoreToProve>;

/** One restore that was proven: it started, its checksums, tables and indexes are sound, every table was read, and the marks are right. */
export const ProvenRestore = z.object({
  ...RestoreToProve.shape,
  reached: RecoveryEnd,
  restoreMs: z.int().nonnegative().meta({ description: 'to bring the files', example: 41_200 }),
  recoverMs: z.int().nonnegative().meta({ description: 'to replay the WAL and start', example: 9_300 }),
  checkMs: z.int().nonnegative().meta({ description: 'to look through all of it', example: 63_000 }),
  databases: z.int().positive().meta({ description: 'how many were checked and read', example: 2 }),
});
export type ProvenRestore = z.infer<typeof ProvenRestore>;

/** The restores of one drill; both were done on one machine of its own. */
const proven = <Restore extends z.ZodType>(restore: Restore) =>
  z.object({
    newest: restore.meta({ description: 'the newest backup, or the one that was asked for' }),
    moment: restore
      .nullable()
      .meta({ description: 'a moment of the window; null when it was too young to have one' }),
  });
export const RestoresToProve = proven(RestoreToProve);
export type RestoresToProve = z.infer<typeof RestoresToProve>;
export const ProvenRestores = proven(ProvenRestore);
export type ProvenRestores = z.infer<typeof ProvenRestores>;

/** What a drill has proven and measured. */
export const DrillResult = z
  .object({
    ...ProvenRestores.shape,
    bytes: z.int().nonnegative().meta({ description: 'of the newest backup, restored', example: 31_457_280 }),
    bytesPerSecond: z.int().nonnegative().meta({ description: 'at which they came', example: 12_582_912 }),
    estimate: z
      .object({
        databaseBytes: z.int().nonnegative().meta({ description: 'what the cluster has now' }),
        seconds: z.number().nonnegative().meta({
          description:
            'that a restore of so much takes until it could be used, at the speed that was measured',
          example: 52.5,
        }),
      })
      .meta({ description: 'for the cluster as it is now' }),
  })
  .meta({ id: 'DrillResult' });
export type DrillResult = z.infer<typeof DrillResult>;

/** A restore that was tried, to know that it works. */
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
