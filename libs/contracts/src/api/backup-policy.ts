import { z } from 'zod';
import { ClusterId } from '../ids';
import { Instant } from './fields';

export const BackupKind = z.enum(['full', 'differential', 'incremental']).meta({
  id: 'BackupKind',
  description:
    'full: all files; differential: what changed since the last full backup; incremental: what changed since the last backup of any kind',
});
export type BackupKind = z.infer<typeof BackupKind>;

export const BackupFrom = z.enum(['replica', 'leader']).meta({
  id: 'BackupFrom',
  description:
    'replica: reads the files from a replica, to spare the leader; falls back to the leader when no replica streams or the backup fails there. leader: always reads from the leader',
  example: 'replica',
});
export type BackupFrom = z.infer<typeof BackupFrom>;

/** Checks only the shape. The scheduler that runs the policy decides whether the expression is valid. */
const Cron = z
  .string()
  .max(100)
  .regex(/^\S+( \S+){4}$/, 'must be five fields: minute, hour, day of the month, month, day of the week')
  .meta({ example: '0 1 * * 0' });
const TimeZone = z
  .string()
  .max(64)
  .meta({ description: 'name from the IANA database', example: 'Europe/Berlin' });
const Spread = z.int().min(0).max(360).meta({
  description:
    'a backup starts up to this many minutes after its scheduled time. The delay is fixed for a cluster and differs between clusters, so they do not all start at once',
  example: 20,
});
const schedule = (what: string) =>
  Cron.nullable().meta({ description: `cron schedule of ${what}; null: never`, example: '0 1 * * 0' });
const Drills = schedule('restore drills').meta({ example: '0 4 * * 6' });
const Fulls = z
  .int()
  .min(1)
  .max(100)
  .meta({ description: 'how many full backups to keep at least', example: 2 });
const Days = z.int().min(0).max(3650).meta({
  description: 'how many days back the cluster can be restored to; backups needed for that are kept too',
  example: 14,
});

const LeftDays = z.int().min(0).max(3650).meta({
  description: 'how many days to keep a lineage after the cluster left it through a restore or its deletion',
  example: 30,
});

/** When a cluster is backed up, and how long its backups are kept. When two backups are due at once, the larger one runs. */
export const BackupPolicy = z
  .object({
    clusterId: ClusterId,
    schedules: z.object({
      full: schedule('full backups'),
      differential: schedule('differential backups'),
      incremental: schedule('incremental backups'),
    }),
    timeZone: TimeZone,
    spreadMinutes: Spread,
    from: BackupFrom,
    drills: Drills,
    retention: z.object({ fulls: Fulls, days: Days, leftDays: LeftDays }),
    next: z
      .object({ type: BackupKind, at: Instant })
      .nullable()
      .meta({ description: 'the next scheduled backup; null when nothing is scheduled' }),
  })
  .meta({ id: 'BackupPolicy' });
export type BackupPolicy = z.infer<typeof BackupPolicy>;

/** Changes the fields that are present and leaves the others. */
export const BackupPolicyChange = z
  .strictObject({
    schedules: z
      .strictObject({
        full: schedule('full backups').optional(),
        differential: schedule('differential backups').optional(),
        incremental: schedule('incremental backups').optional(),
      })
      .optional(),
    timeZone: TimeZone.optional(),
    spreadMinutes: Spread.optional(),
    from: BackupFrom.optional(),
    drills: Drills.optional(),
    retention: z
      .strictObject({ fulls: Fulls.optional(), days: Days.optional(), leftDays: LeftDays.optional() })
      .optional(),
  })
  .refine((change) => Object.keys(change).length > 0, 'must contain at least one field to change')
  .meta({ id: 'BackupPolicyChange' });
export type BackupPolicyChange = z.infer<typeof BackupPolicyChange>;

export const BackupRequest = z.strictObject({ type: BackupKind }).meta({ id: 'BackupRequest' });
export type BackupRequest = z.infer<typeof BackupRequest>;

export const DeleteBackupQuery = z.strictObject({
  cascade: z
    .enum(['true', 'false'])
    .default('false')
    .meta({ description: 'true also deletes the backups that depend on it' }),
});
