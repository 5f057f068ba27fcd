import { z } from 'zod';
import { Instant, Lsn, Stanza } from '../api/fields';
import { RestoreTarget } from '../api/restore-target';
import { defineRequest } from './define-request';

/** Parameters of a restore: the backup it starts from, and where recovery ends. */
const Reachable = z.object({
  ok: z.literal(true),
  stanza: Stanza,
  backupLabel: z
    .string()
    .meta({ description: 'label of the backup to start from', example: '20261123-120000F' }),
  timeline: z.int().meta({ description: 'the timeline that recovery follows' }),
  /**
   * The target for pgBackRest. It differs from the requested one if recovery could not reach that: PostgreSQL would look for a commit
   * after the time of the very last commit, so that time becomes the position of the commit. A requested timeline is in `timeline`,
   * whatever the target.
   */
  target: RestoreTarget,
  exact: z.boolean().meta({
    description:
      'false when only recovery can find out whether the archive reaches the target: for a transaction id, and on an abandoned timeline beyond its last known commit',
  }),
  note: z
    .string()
    .nullish()
    .meta({ description: 'what the caller should know about how the target is reached' }),
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

/** Whether a target can be restored, and from which backup. */
export const RestoreTargetCheck = z.discriminatedUnion('ok', [Reachable, Unreachable]);
export type RestoreTargetCheck = z.infer<typeof RestoreTargetCheck>;

export const checkRestoreTarget = defineRequest({
  service: 'backup-service',
  name: 'check-restore-target',
  description:
    'Checks whether a lineage can be restored to the target; its cluster may be deleted. If so, returns the backup, the timeline and the target for PostgreSQL; otherwise the reason and the nearest moments that can be restored. 404 for an unknown lineage; 503 when the repository cannot be read.',
  input: z.object({ stanza: z.string(), target: RestoreTarget }),
  output: RestoreTargetCheck,
});
