import { z } from 'zod';
import { OperationId } from '../ids';
import { BackupFrom } from './backup-policy';
import { Instant, Lsn, NodeName, Reason, Stanza, WalName } from './fields';

/** Label of a full backup, or of one that builds on it: the full backup's label, then its own time and kind. */
export const backupLabel = /^\d{8}-\d{6}F(_\d{8}-\d{6}[DI])?$/;

/** One backup, from `pgbackrest info`. Sizes are in bytes; `repositoryBytes` is its compressed size in the repository. */
export const Backup = z
  .object({
    label: z.string().meta({ example: '20261123-120000F' }),
    type: z.enum(['full', 'diff', 'incr']),
    startedAt: Instant,
    stoppedAt: Instant,
    durationMs: z
      .int()
      .nonnegative()
      .meta({ description: 'pgBackRest records whole seconds', example: 4000 }),
    databaseBytes: z.int(),
    repositoryBytes: z.int(),
    walStart: WalName.nullable(),
    walStop: WalName.nullable(),
    lsnStart: Lsn.nullable(),
    lsnStop: Lsn.nullable(),
    dependsOn: z.array(z.string()).meta({
      description:
        'label of the backup that this one builds on, which may itself build on another; empty for a full backup',
      example: [],
    }),
    failed: z.boolean().meta({ description: 'pgBackRest found an error in the backup' }),
    member: NodeName.nullable().meta({
      description: 'the node that created the backup; null for a backup from before this was recorded',
    }),
    from: BackupFrom.nullable().meta({ description: 'the role of that node; null when `member` is null' }),
    insteadOfReplica: Reason.nullable().meta({
      description:
        'why the leader created the backup although the policy asks for a replica; null when a replica created it or none was asked for',
      example: null,
    }),
    provenBy: z.object({ operationId: OperationId, at: Instant }).nullable().meta({
      description: 'the last drill that restored this backup successfully; null when no drill has',
      example: null,
    }),
  })
  .meta({ id: 'Backup' });
export type Backup = z.infer<typeof Backup>;

export const BackupList = z
  .object({
    stanza: Stanza,
    status: z.string().meta({ description: "pgBackRest's status of the stanza", example: 'ok' }),
    walMin: WalName.nullable(),
    walMax: WalName.nullable(),
    asOf: Instant.meta({
      description:
        'when pgBackRest reported this; more than a few seconds old while the repository cannot be read',
    }),
    items: z.array(Backup).meta({ description: 'newest first' }),
  })
  .meta({ id: 'BackupList' });
export type BackupList = z.infer<typeof BackupList>;

export const BackupPage = BackupList.extend({
  next: z.string().nullable().meta({
    description: 'value of `before` for the next page; null on the last page',
    example: null,
  }),
}).meta({ id: 'BackupPage' });
export type BackupPage = z.infer<typeof BackupPage>;

export const ListBackupsQuery = z.strictObject({
  limit: z.coerce.number().int().min(1).max(500).default(100),
  before: z
    .string()
    .regex(backupLabel, 'must be the label of the last backup on the previous page')
    .optional()
    .meta({ description: 'only backups that started before this one', example: '20261123-120000F' }),
});
export type ListBackupsQuery = z.infer<typeof ListBackupsQuery>;
