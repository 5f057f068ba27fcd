import { z } from 'zod';
import { ClusterId } from '../ids';
import { Instant, Lsn, Stanza } from './fields';

/** PostgreSQL accepts at most 63 bytes. Plain ASCII needs no quoting anywhere. */
export const RestorePointName = z
  .string()
  .regex(
    /^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/,
    'must be 1 to 63 letters, digits, dots, hyphens and underscores, and start and end with a letter or digit',
  )
  .meta({ example: 'before-release-42' });

export const CreateRestorePoint = z
  .strictObject({ name: RestorePointName })
  .meta({ id: 'CreateRestorePoint' });
export type CreateRestorePoint = z.infer<typeof CreateRestorePoint>;

/** A named position in the WAL. A restore to it ends exactly there. */
export const RestorePoint = z
  .object({
    name: RestorePointName,
    stanza: Stanza.meta({ description: 'the lineage that it belongs to' }),
    timeline: z.int(),
    lsn: Lsn,
    time: Instant.meta({ description: "when it was created, by the leader's clock" }),
  })
  .meta({ id: 'RestorePoint' });
export type RestorePoint = z.infer<typeof RestorePoint>;

export const RestorePointList = z
  .object({ clusterId: ClusterId, items: z.array(RestorePoint) })
  .meta({ id: 'RestorePointList', description: 'newest first' });
export type RestorePointList = z.infer<typeof RestorePointList>;
