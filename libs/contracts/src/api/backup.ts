import { z } from 'zod';
import { OperationId } from '../ids';
import { BackupFrom } from './backup-policy';
import { Instant, Lsn, NodeName, Reason, Stanza, WalName } from './fields';

/** A full backup, or one that builds on a full backup: that one's label, then its own time and kind. */
export const backupLabel = /^\d{8}-\d{6}F(_\d{8}-\d{6}[DI])?$/;

/** One backup, from `pgbackrest info`. Sizes are bytes; `repositoryBytes` is what it takes in the store, compressed. */
export const Backup = z
  .object({
    label: z.string().meta({ example: '20261123-120000F' }),
    type: z.enum(['full', 'diff', 'incr']),
    startedAt: Instant,
    stoppedAt: Instant,
    durationMs: z.int().nonnegative().meta({ description: 'pgBackRest keeps whole seconds', example: 4000 }),
    databaseBytes: z.int(),
    repositoryBytes: z.int(),
    walStart: WalName.nullable(),
    walStop: WalName.nullable(),
    lsnStart: Lsn.nullable(),
    lsnStop: Lsn.nullable(),
    dependsOn: z.array(z.string()).meta({
      description: 'label of the backup that it builds on, which may build on another; empty for a full one',
      example: [],
    }),
    failed: z.boolean().meta({ description: 'pgBackRest found an error in it' }),
    member: NodeName.nullable().meta({
      description: 'the node that made it; null for one that was made before this was kept',
    }),
    from: BackupFrom.nullable().meta({ description: 'what that node was; null as above' }),
    insteadOfReplica: Reason.nullable().meta({
      description: 'why the leader made it though a replica was to; null when none was to, or one did',
      example: null,
    }),
    provenBy: z.object({ operationId: OperationId, at: Instant }).nullable().meta({
      description: 'the drill that last proved it, by restoring it; null: none has yet',
      example: null,
    }),
  })
  .meta({ id: 'Backup' });
export type Backup = z.infer<typeof Backup>;

export const BackupList = z
  .object({
    stanza: Stanza,
    status: z.string().meta({ description: "pgBackRest's own word on the stanza", example: 'ok' }),
    walMin: WalName.nullable(),
    walMax: WalName.nullable(),
    asOf: Instant.meta({
      description: 'when pgBackRest said so; older than some seconds when the store cannot be read now',
    }),
    items: z.array(Backup).meta({ description: 'newest first' }),
  })
  .meta({ id: 'BackupList' });
export type BackupList = z.infer<typeof BackupList>;

export const BackupPage = BackupList.extend({
  next: z.string().nullable().meta({
    description: 'the value for `before` of the next page; null on the last',
    example: null,
  }),
}).meta({ id: 'BackupPage' });
export type BackupPage = z.infer<typeof BackupPage>;

export const ListBackupsQuery = z.strictObject({
  limit: z.coerce.number().int().min(1).max(500).default(100),
  before: z
    .string()
    .regex(backupLabel, 'must be the label of the last backup of the page before')
    .optional()
    .meta({ description: 'only backups that were begun before this one', example: '20261123-120000F' }),
});
export type ListBackupsQuery = z.infer<typeof ListBackupsQuery>;
