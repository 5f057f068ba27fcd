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
      description: 'why, with the measured numbers',
      example:
        'The leader fills 3.2 segments a second: segments four times as large need a quarter of the archive calls.',
    }),
  })
  .meta({ id: 'WalAdvice' });
export type WalAdvice = z.infer<typeof WalAdvice>;

export const WalMember = z
  .object({
    name: NodeName,
    role: MemberRole.nullable(),
    timeline: z.int().nullable(),
    lsn: Lsn.nullable().meta({
      description: 'position that the leader has written, or that a replica has received or replayed',
    }),
    lagBytes: z.int().nonnegative().nullable().meta({ description: "distance to the leader's position" }),
    archivedSegment: WalName.nullable().meta({
      description:
        'the newest segment of its timeline that this member has archived; a replica archives nothing',
    }),
    archivedCommit: RecoveryMoment.nullable().meta({
      description: 'the last commit that this member has archived',
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
      description:
        'bytes of WAL written per second over the last minutes; null until there are two measurements',
      example: 52428.8,
    }),
    segmentBytes: z.int().nullable().meta({ example: 16777216 }),
    lastSwitchAt: Instant.nullable().meta({
      description: 'when the leader started its current segment',
    }),
    secondsSinceSwitch: z.number().nonnegative().nullable().meta({ example: 12.5 }),
    settings: z
      .object({ archiveTimeoutSeconds: z.int().nonnegative(), maxWalBytes: z.int().positive() })
      .nullable()
      .meta({ description: 'settings in effect on the leader' }),
    advice: z.array(WalAdvice).meta({ example: [] }),
  })
  .meta({ id: 'WalState' });
export type WalState = z.infer<typeof WalState>;

/** Exactly one of the three. The use case checks that, because it reports a missing cluster first. */
export const ConvertWalQuery = z.strictObject({
  lsn: z
    .string()
    .regex(/^[0-9A-Fa-f]{1,8}\/[0-9A-Fa-f]{1,8}$/, 'must be a position in the WAL, such as 0/3000028')
    .optional()
    .meta({ example: '0/3000028' }),
  segment: z
    .string()
    .regex(/^[0-9A-Fa-f]{24}$/, 'must be the name of a WAL segment: 24 hexadecimal digits')
    .optional(),
  time: z.iso.datetime().optional(),
});
export type ConvertWalQuery = z.infer<typeof ConvertWalQuery>;

/** The same place in the WAL as position, segment and time. */
export const WalPlace = z
  .object({
    lsn: Lsn,
    segment: WalName,
    timeline: z.int(),
    offset: z.int().nonnegative().meta({ description: 'offset of the position in its segment' }),
    time: z
      .object({
        notBefore: Instant.nullable().meta({ description: 'null when nothing older is known' }),
        notAfter: Instant.nullable().meta({ description: 'null when nothing newer is archived' }),
      })
      .meta({
        description:
          'times of the known commits before and after the place. The platform knows one commit per segment and the last commit of every timeline',
      }),
    exact: z.boolean().meta({
      description:
        'true: position and time match exactly. false: the time is between the two; if you asked for a time, the position is the last known commit before it, and the real position may be later',
    }),
    archived: z.boolean().meta({ description: 'whether the repository has it' }),
  })
  .meta({ id: 'WalPlace' });
export type WalPlace = z.infer<typeof WalPlace>;
