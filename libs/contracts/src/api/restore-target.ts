import { z } from 'zod';
import { BackupLabel } from './fields';

const inclusive = z.boolean().optional().meta({
  description: 'whether to stop just after the target (true, the default) or just before it (false)',
  example: true,
});
const timeline = z.int().min(1).max(2_147_483_647).optional().meta({
  description: 'the timeline to follow; default: the newest of the lineage',
  example: 1,
});

/** A time with an offset, to the microsecond, which is PostgreSQL's resolution. */
export const RecoveryTime = z.iso
  .datetime({ offset: true, error: 'must be a time with an offset, such as 2026-11-23T12:00:00.123456Z' })
  .meta({
    description: 'RFC 3339 with an offset, down to microseconds',
    example: '2026-11-23T12:00:00.123456Z',
  });

/** How far to recover. */
export const RestoreTarget = z
  .discriminatedUnion('type', [
    z.strictObject({ type: z.literal('latest'), timeline }),
    z.strictObject({ type: z.literal('time'), time: RecoveryTime, inclusive, timeline }),
    z.strictObject({
      type: z.literal('lsn'),
      lsn: z
        .string()
        .regex(/^[0-9A-Fa-f]{1,8}\/[0-9A-Fa-f]{1,8}$/, 'must be a position in the WAL, such as 0/3000028')
        .meta({ example: '0/3000028' }),
      inclusive,
      timeline,
    }),
    z.strictObject({
      type: z.literal('xid'),
      xid: z
        .string()
        .regex(/^[1-9][0-9]{0,9}$/, 'must be a transaction id')
        .meta({ description: 'id of the transaction', example: '4711' }),
      inclusive,
      timeline,
    }),
    z.strictObject({
      type: z.literal('name'),
      name: z
        .string()
        .regex(/^[A-Za-z0-9._:@+-]{1,63}$/, 'must be 1 to 63 of A-Z, a-z, 0-9 and ._:@+-')
        .meta({ description: 'name of a restore point', example: 'before-release-42' }),
      timeline,
    }),
    z.strictObject({
      type: z.literal('backup'),
      label: BackupLabel,
    }),
  ])
  // Has no id, because the schema differs: responses may grow new members, requests may not.
  .meta({
    description:
      'latest: everything that is archived; time, lsn, xid, name: up to that point; backup: up to the end of that backup',
  });
export type RestoreTarget = z.infer<typeof RestoreTarget>;
