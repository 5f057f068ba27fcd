import { z } from 'zod';
import { ClusterId } from '../ids';
import { Instant } from './fields';

export const BackupKind = z.enum(['full', 'differential', 'incremental']).meta({
  id: 'BackupKind',
  description:
    'full: all of it; differential: what changed since the last full; incremental: what changed since the last of any kind',
});
export type BackupKind = z.infer<typeof BackupKind>;

export const BackupFrom = z.enum(['replica', 'leader']).meta({
  id: 'BackupFrom',
  description:
    'replica: files are read on a replica, which spares the leader; on the leader when no replica streams, or it failed there. leader: always on the leader',
  example: 'replica',
});
export type BackupFrom = z.infer<typeof BackupFrom>;

/** Whether it is one that can be followed is said when it is set: the program that follows it decides. */
const Cron = z
  .string()
  .max(100)
  .regex(/^\S+( \S+){4}$/, 'must be five fields: minute, hour, day of the month, month, day of the week')
  .meta({ example: '0 1 * * 0' });
const TimeZone = z.string().max(64).meta({ description: 'of the IANA database', example: 'Europe/Berlin' });
const Spread = z.int().min(0).max(360).meta({
  description:
    'a backup begins up to so many minutes after its time: always the same for one cluster, another for each, so that not all begin at once',
  example: 20,
});
const schedule = (what: string) =>
  Cron.nullable().meta({ description: `${what}; null: never`, example: '0 1 * * 0' });
const Drills = schedule('restore drills').meta({ example: '0 4 * * 6' });
const Fulls = z
  .int()
  .min(1)
  .max(100)
  .meta({ description: 'at least so many full backups are kept', example: 2 });
const Days = z.int().min(0).max(3650).meta({
  description: 'and as many as it takes to restore to any moment of so many days',
  example: 14,
});

const LeftDays = z.int().min(0).max(3650).meta({
  description:
    'a lineage that the cluster has left, by a restore or by being deleted, is kept for so many days',
  example: 30,
});

/** When backups are made of a cluster and how long they are kept. Where two are due at once the larger is made. */
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
      .meta({ description: 'the next one; null when no schedule has one' }),
  })
  .meta({ id: 'BackupPolicy' });
export type BackupPolicy = z.infer<typeof BackupPolicy>;

/** The fields that are given are changed, the others stay. */
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
  .refine((change) => Object.keys(change).length > 0, 'say at least one thing to change')
  .meta({ id: 'BackupPolicyChange' });
export type BackupPolicyChange = z.infer<typeof BackupPolicyChange>;

export const BackupRequest = z.strictObject({ type: BackupKind }).meta({ id: 'BackupRequest' });
export type BackupRequest = z.infer<typeof BackupRequest>;

export const DeleteBackupQuery = z.strictObject({
  cascade: z
    .enum(['true', 'false'])
    .default('false')
    .meta({ description: 'true also deletes the backups that need it' }),
});
