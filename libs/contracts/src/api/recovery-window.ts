import { z } from 'zod';
import { ClusterId } from '../ids';
import { Instant, Lsn, Stanza, WalName } from './fields';

/** One moment in a cluster's history, as a time and as a WAL position. */
export const RecoveryMoment = z.object({ time: Instant, lsn: Lsn }).meta({ id: 'RecoveryMoment' });
export type RecoveryMoment = z.infer<typeof RecoveryMoment>;

/** A stretch of time that cannot be restored to. Its bounds themselves can. */
export const RecoveryGap = z
  .object({
    from: RecoveryMoment.nullable().meta({
      description:
        'the last commit before the gap that is known to be in the repository; null when none is known',
    }),
    until: RecoveryMoment.nullable().meta({
      description:
        'the end of the first backup after the gap; null while there is none: nothing after the gap can be restored yet',
    }),
    missing: z
      .object({ first: WalName, last: WalName })
      .meta({ description: 'the segments missing in the repository' }),
  })
  .meta({ id: 'RecoveryGap' });
export type RecoveryGap = z.infer<typeof RecoveryGap>;

/** How far the archive is behind the leader. */
export const ArchiveState = z
  .object({
    segment: WalName.nullable().meta({
      description: 'the newest segment that the leader has archived; null when it has archived none',
    }),
    lagBytes: z.int().nonnegative().nullable().meta({
      description: 'bytes of WAL that the leader has written and not archived',
      example: 123456,
    }),
    lagSeconds: z.number().nonnegative().nullable().meta({
      description:
        'for how long commits may have been missing in the archive: the age of the last archived commit, or of `settledAt`',
      example: 21.4,
    }),
    settledAt: Instant.nullable().meta({
      description:
        'nothing was written between the last archived commit and this moment; null when something may have been',
      example: null,
    }),
    failing: z
      .object({ segment: WalName, since: Instant })
      .nullable()
      .meta({ description: 'the segment that PostgreSQL fails to archive' }),
    stalledSince: Instant.nullable().meta({
      description: 'when the archive stalled (`backup.archive.stalled`); null while it advances',
      example: null,
    }),
    seenAt: Instant.nullable().meta({
      description: "when the leader's machine reported this, by its own clock; null when no leader reports",
    }),
  })
  .meta({ id: 'ArchiveState' });
export type ArchiveState = z.infer<typeof ArchiveState>;

/** The moments that a cluster can be restored to. */
export const RecoveryWindow = z
  .object({
    clusterId: ClusterId,
    stanza: Stanza.meta({ description: 'the lineage that the window belongs to' }),
    timeline: z.int().nullable().meta({ description: 'the newest archived timeline' }),
    earliest: RecoveryMoment.nullable().meta({
      description:
        'the end of the oldest backup, rounded up because pgBackRest records whole seconds; null while there is no backup',
    }),
    latest: RecoveryMoment.nullable().meta({
      description:
        'the last moment that can be restored: the last commit in the repository, or a later moment when nothing was written since. `lsn` is the position of that commit',
    }),
    gaps: z.array(RecoveryGap).meta({ description: 'oldest first', example: [] }),
    gapsCheckedAt: Instant.nullable().meta({
      description: 'when the archive was last checked for missing segments; that happens after every backup',
    }),
    archive: ArchiveState,
    asOf: Instant.meta({ description: 'when the list of backups was read from the repository' }),
  })
  .meta({ id: 'RecoveryWindow' });
export type RecoveryWindow = z.infer<typeof RecoveryWindow>;
