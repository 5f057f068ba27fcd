import { z } from 'zod';
import { ClusterId, LineageId, OperationId } from '../ids';
import { Instant, Lsn, NodeName } from './fields';
import { RestoreTarget } from './restore-target';

export const RestoreRequest = z
  .strictObject({
    target: RestoreTarget,
    stanza: LineageId.optional().meta({
      description: 'the lineage of this cluster to restore from; default: the one that it archives to now',
    }),
  })
  .meta({ id: 'RestoreRequest' });
export type RestoreRequest = z.infer<typeof RestoreRequest>;

/** Where a new cluster gets its data from: the current lineage of another cluster, or a lineage by its name. */
export const FromBackup = z
  .strictObject({
    clusterId: ClusterId.optional().meta({ description: 'restore from the current lineage of this cluster' }),
    stanza: LineageId.optional().meta({
      description: 'restore from this lineage; its cluster may be deleted',
    }),
    target: RestoreTarget.default({ type: 'latest' }),
  })
  .refine(({ clusterId, stanza }) => (clusterId === undefined) !== (stanza === undefined), {
    error: 'must contain either clusterId or stanza, not both',
  })
  .meta({
    id: 'FromBackup',
    example: {
      clusterId: 'clu_01979a3c-5f7e-7c11-8d2a-3b9f6c1e0a55',
      target: { type: 'time', time: '2026-11-23T12:00:00.123456Z' },
    },
  });
export type FromBackup = z.infer<typeof FromBackup>;

/** Where a recovery ended. */
export const RecoveryEnd = z
  .object({
    timeline: z.int().meta({ description: 'the new timeline that starts there' }),
    lsn: Lsn,
    time: Instant.nullable().meta({
      description: 'time of the last recovered transaction; null when there was none after the backup',
    }),
  })
  .meta({ id: 'RecoveryEnd' });
export type RecoveryEnd = z.infer<typeof RecoveryEnd>;

/** One unbroken history of WAL and backups. Each restore begins a new one, so that two histories never mix. */
export const Lineage = z
  .object({
    stanza: LineageId,
    clusterId: ClusterId,
    current: z.boolean().meta({ description: 'whether the cluster archives to it now' }),
    since: Instant,
    until: Instant.nullable().meta({
      description: 'when the cluster left it, for another lineage or through its deletion',
    }),
    expiresAt: Instant.nullable().meta({
      description:
        'when it will be deleted from the repository under the current backup policy, unless a restore, a clone or a drill is reading it. null while the cluster archives to it or its data are set aside',
    }),
    from: z
      .object({
        stanza: LineageId,
        clusterId: ClusterId,
        target: RestoreTarget,
        reached: RecoveryEnd.nullable().meta({ description: 'null while the restore runs' }),
        operationId: OperationId,
      })
      .nullable()
      .meta({ description: 'the lineage that it was restored from; null if it began empty' }),
  })
  .meta({ id: 'Lineage' });
export type Lineage = z.infer<typeof Lineage>;

export const ClusterLineages = z
  .object({
    clusterId: ClusterId,
    items: z.array(Lineage).meta({ description: 'newest first' }),
    setAside: z.object({ operationId: OperationId, stanza: LineageId, node: NodeName }).nullable().meta({
      description:
        'the data from before the last restore, while they are kept: `undo` returns to them, `confirm` deletes them',
    }),
  })
  .meta({ id: 'ClusterLineages' });
export type ClusterLineages = z.infer<typeof ClusterLineages>;
