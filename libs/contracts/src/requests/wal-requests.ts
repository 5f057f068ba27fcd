import { z } from 'zod';
import { MemberRole } from '../api/cluster';
import { Instant, Lsn, NodeName, WalName } from '../api/fields';
import { RecoveryMoment } from '../api/recovery-window';
import { WalDisk } from '../api/wal';
import { ClusterId } from '../ids';
import { defineRequest } from './define-request';

const ArchivedCommit = RecoveryMoment.extend({ xid: z.int().nonnegative() });

/** What the agent of a node that writes says of its archive. */
export const ArchiveReport = z.object({
  /** Of the segment that it writes now. */
  timeline: z.int(),
  segmentBytes: z.int().positive(),
  currentLsn: Lsn,
  /** The newest archived segment of this timeline, and the last commit in it or before. */
  segment: WalName.nullable(),
  commit: ArchivedCommit.nullable(),
  /** Until then nothing was committed after `commit`: the archive has everything. Null while something may have been. */
  settledAt: Instant.nullish(),
  failing: z.object({ segment: WalName, since: Instant }).nullable(),
  /** When the segment that is written now was begun, as far as the agent saw it. */
  switchedAt: Instant.nullable(),
  archiveTimeoutSeconds: z.int().nonnegative(),
  maxWalBytes: z.int().positive(),
  at: Instant,
});
export type ArchiveReport = z.infer<typeof ArchiveReport>;

/** What is known of the WAL of a cluster through etcd. */
export const WalSight = z.object({
  clusterId: ClusterId,
  stanza: z.string(),
  /** Where each timeline that is known left the one before it. */
  timelines: z.array(z.object({ timeline: z.int(), beganAt: Lsn })),
  members: z.array(
    z.object({
      name: NodeName,
      role: MemberRole.nullable(),
      timeline: z.int().nullable(),
      lsn: Lsn.nullable(),
      archive: ArchiveReport.nullable(),
      /** The timeline that it led until it became a replica, and the last commit of it that it archived. */
      left: z.object({ timeline: z.int(), commit: ArchivedCommit }).nullish(),
      disk: WalDisk.nullable(),
    }),
  ),
});
export type WalSight = z.infer<typeof WalSight>;

export const listWalSights = defineRequest({
  service: 'cluster-service',
  name: 'list-wal-sights',
  description:
    'The WAL of every cluster that serves, or of one: then also of one that does not. 404 for that one.',
  input: z.object({ clusterId: ClusterId.optional() }),
  output: z.array(WalSight),
});
