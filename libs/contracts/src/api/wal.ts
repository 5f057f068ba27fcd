import { z } from 'zod';
import { ClusterId } from '../ids';
import { MemberRole } from './cluster';
import { Instant, Lsn, NodeName, Stanza, WalName } from './fields';
import { ArchiveState, RecoveryMoment } from './recovery-window';

/** The file system that holds a member's WAL. */
export const WalDisk = z
  .object({ bytes: z.int().positive(), free: z.int().nonnegative() })
  .meta({ id: 'WalDisk', description: 'size and free bytes of the file system with pg_wal' });
export type WalDisk = z.infer<typeof WalDisk>;

export const WalAdvice = z
  .object({
    setting: z.enum(['wal_segment_size', 'archive_timeout', 'max_wal_size']),
    now: z.string().meta({ example: '16MB' }),
    advised: z.string().meta({ example: '64MB' }),
    reason: z.string().meta({
      description: 'why, with the numbers that it was judged by',
      example:
        '3.2 segments are filled a second: four times larger ones need a quarter of the archive calls.',
    }),
  })
  .meta({ id: 'WalAdvice' });
export type WalAdvice = z.infer<typeof WalAdvice>;

export const WalMember = z
  .object({
    name: NodeName,
    role: MemberRole.nullable(),
    timeline: z.int().nullable(),
    lsn: Lsn.nullable().meta({ description: 'written by the leader, replayed or received by a replica' }),
    lagBytes: z.int().nonnegative().nullable().meta({ description: "distance to the leader's position" }),
    archivedSegment: WalName.nullable().meta({
      description:
        'the newest that it has archived of the timeline that it writes; a replica archives nothing',
    }),
    archivedCommit: RecoveryMoment.nullable().meta({
      description: 'the last commit in what it has archived',
    }),
    disk: WalDisk.nullable(),
  })
  .meta({ id: 'WalMember' });
export type WalMember = z.infer<typeof WalMember>;

export const WalState = z
  .object({
    clusterId: ClusterId,
    stanza: Stanza,
    members: z.array(WalMember),
    archive: ArchiveState,
    bytesPerSecond: z.number().nonnegative().nullable().meta({
      description: 'WAL that was written a second, over the last minutes; null until two moments were seen',
      example: 52428.8,
    }),
    segmentBytes: z.int().nullable().meta({ example: 16777216 }),
    lastSwitchAt: Instant.nullable().meta({
      description: 'when the leader began the segment that it writes',
    }),
    secondsSinceSwitch: z.number().nonnegative().nullable().meta({ example: 12.5 }),
    settings: z
      .object({ archiveTimeoutSeconds: z.int().nonnegative(), maxWalBytes: z.int().positive() })
      .nullable()
      .meta({ description: 'as the leader runs with them' }),
    advice: z.array(WalAdvice).meta({ example: [] }),
  })
  .meta({ id: 'WalState' });
export type WalState = z.infer<typeof WalState>;

/** One of them. Which, the use case looks at: a cluster that is not there is the first thing to say. */
export const ConvertWalQuery = z.strictObject({
  lsn: z
    .string()
    .regex(/^[0-9A-Fa-f]{1,8}\/[0-9A-Fa-f]{1,8}$/, 'must be a position like 0/3000028')
    .optional()
    .meta({ example: '0/3000028' }),
  segment: z
    .string()
    .regex(/^[0-9A-Fa-f]{24}$/, 'must be the name of a WAL segment: 24 hexadecimal digits')
    .optional(),
  time: z.iso.datetime().optional(),
});
export type ConvertWalQuery = z.infer<typeof ConvertWalQuery>;

/** The same place in the WAL, said in three ways. */
export const WalPlace = z
  .object({
    lsn: Lsn,
    segment: WalName,
    timeline: z.int(),
    offset: z.int().nonnegative().meta({ description: 'of the position in its segment' }),
    time: z
      .object({
        notBefore: Instant.nullable().meta({ description: 'null: nothing older is known' }),
        notAfter: Instant.nullable().meta({ description: 'null: nothing newer is archived' }),
      })
      .meta({
        description:
          'between which known commits it lies. One commit of every segment is known, and the last of every timeline',
      }),
    exact: z.boolean().meta({
      description:
        'position and time belong together; else the time lies between the two, or, when a time was asked for, the position is that of the last known commit before it and the real one may be later',
    }),
    archived: z.boolean().meta({ description: 'the store has it' }),
  })
  .meta({ id: 'WalPlace' });
export type WalPlace = z.infer<typeof WalPlace>;
