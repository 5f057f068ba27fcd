import { z } from 'zod';
import { ClusterId } from '../ids';
import { Instant, Lsn, Stanza, WalName } from './fields';

/** One moment of a cluster's history, by its clock and by its WAL. */
export const RecoveryMoment = z.object({ time: Instant, lsn: Lsn }).meta({ id: 'RecoveryMoment' });
export type RecoveryMoment = z.infer<typeof RecoveryMoment>;

/** A stretch that cannot be restored to. Its bounds themselves can. */
export const RecoveryGap = z
  .object({
    from: RecoveryMoment.nullable().meta({
      description: 'the last commit before it that is known to be in the store; null: none is known',
    }),
    until: RecoveryMoment.nullable().meta({
      description:
        'the end of the first backup after it; null while there is none: nothing after the gap can be restored yet',
    }),
    missing: z
      .object({ first: WalName, last: WalName })
      .meta({ description: 'the segments that the store lacks' }),
  })
  .meta({ id: 'RecoveryGap' });
export type RecoveryGap = z.infer<typeof RecoveryGap>;

/** How far the archive is behind what the leader writes. */
export const ArchiveState = z
  .object({
    segment: WalName.nullable().meta({
      description: 'the newest that is archived, by the leader; null: none yet',
    }),
    lagBytes: z.int().nonnegative().nullable().meta({
      description: 'WAL that the leader has written and the archive does not have',
      example: 123456,
    }),
    lagSeconds: z.number().nonnegative().nullable().meta({
      description:
        'for how long commits may be missing in the archive: the age of the last commit that is archived, or of `settledAt`',
      example: 21.4,
    }),
    settledAt: Instant.nullable().meta({
      description:
        'until then nothing was written after the last commit that is archived; null while something may have been',
      example: null,
    }),
    failing: z
      .object({ segment: WalName, since: Instant })
      .nullable()
      .meta({ description: 'the segment that PostgreSQL tries in vain to archive' }),
    stalledSince: Instant.nullable().meta({
      description: 'while `backup.archive.stalled` holds',
      example: null,
    }),
    seenAt: Instant.nullable().meta({
      description: "when the leader's machine said so, by its clock; null: no leader says anything",
    }),
  })
  .meta({ id: 'ArchiveState' });
export type ArchiveState = z.infer<typeof ArchiveState>;

/** Between which moments a cluster can be restored to any. */
export const RecoveryWindow = z
  .object({
    clusterId: ClusterId,
    stanza: Stanza.meta({ description: 'the lineage that it is of' }),
    timeline: z.int().nullable().meta({ description: 'the newest that is archived' }),
    earliest: RecoveryMoment.nullable().meta({
      description:
        'the end of the oldest backup, rounded up to the second that pgBackRest keeps; null while there is none',
    }),
    latest: RecoveryMoment.nullable().meta({
      description:
        'the last moment that can be restored: that of the last commit in the store, or a later one when nothing was written since; `lsn` is of that commit',
    }),
    gaps: z.array(RecoveryGap).meta({ description: 'oldest first', example: [] }),
    gapsCheckedAt: Instant.nullable().meta({
      description: 'when every archived segment was last looked for; that is done after every backup',
    }),
    archive: ArchiveState,
    asOf: Instant.meta({ description: 'when the list of backups was read from the store' }),
  })
  .meta({ id: 'RecoveryWindow' });
export type RecoveryWindow = z.infer<typeof RecoveryWindow>;
