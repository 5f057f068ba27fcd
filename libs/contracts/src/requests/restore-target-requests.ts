import { z } from 'zod';
import { Instant, Lsn, Stanza } from '../api/fields';
import { RestoreTarget } from '../api/restore-target';
import { defineRequest } from './define-request';

/** What a restore is to be run with: where it begins, and where recovery ends. */
const Reachable = z.object({
  ok: z.literal(true),
  stanza: Stanza,
  backupLabel: z.string().meta({ description: 'of the backup to begin with', example: '20261123-120000F' }),
  timeline: z.int().meta({ description: 'that recovery is to follow' }),
  /**
   * The target as it is to be given to pgBackRest. It is another one than was asked for where that could not be reached as it was
   * said: the time of the very last commit, after which PostgreSQL would look for another, becomes the position of that commit. A timeline
   * that was asked for is in `timeline`, whatever the target.
   */
  target: RestoreTarget,
  exact: z.boolean().meta({
    description:
      'false where recovery has to find out whether the archive leads to the target: for a transaction id, and on a timeline that was left, beyond the last commit that is known of it',
  }),
  note: z
    .string()
    .nullish()
    .meta({ description: 'what the caller should know of how the target is reached' }),
});
const Unreachable = z.object({
  ok: z.literal(false),
  reason: z
    .string()
    .meta({ example: '2026-11-23T11:00:00Z is before the earliest moment, 2026-11-23T12:00:00Z.' }),
  nearest: z
    .object({
      before: z.object({ time: Instant, lsn: Lsn }).nullable(),
      after: z.object({ time: Instant, lsn: Lsn }).nullable(),
    })
    .meta({ description: 'the nearest moments that can be restored, on either side' }),
});

/** Whether a target can be restored, and what from. */
export const RestoreTargetCheck = z.discriminatedUnion('ok', [Reachable, Unreachable]);
export type RestoreTargetCheck = z.infer<typeof RestoreTargetCheck>;

export const checkRestoreTarget = defineRequest({
  service: 'backup-service',
  name: 'check-restore-target',
  description:
    'Whether what the store holds of a lineage, whose cluster may be gone, leads to the target: from which backup, on which timeline, and as what PostgreSQL is to be told it; else why not, and the nearest moments that it leads to. 404 for a lineage that is not known, 503 when the store cannot be read.',
  input: z.object({ stanza: z.string(), target: RestoreTarget }),
  output: RestoreTargetCheck,
});
