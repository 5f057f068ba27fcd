import { z } from 'zod';
import { MemberRole } from '../api/cluster';
import { Instant, Lsn, NodeName, WalName } from '../api/fields';
import { RecoveryMoment } from '../api/recovery-window';
import { WalDisk } from '../api/wal';
import { ClusterId } from '../ids';
import { defineRequest } from './define-request';

const ArchivedCommit = RecoveryMoment.extend({ xid: z.int().nonnegative() });

/** What the agent of a node that writes reports about its archive. */
export const ArchiveReport = z.object({
  /** Timeline of the segment that the node writes now. */
  timeline: z.int(),
  segmentBytes: z.int().positive(),
  currentLsn: Lsn,
  /** The newest archived segment of this timeline. `commit` is the last commit in this segment or before. */
  segment: WalName.nullable(),
  commit: ArchivedCommit.nullable(),
  /** Nothing was committed between `commit` and this moment, so the archive is complete. Null when something may have been committed. */
  settledAt: Instant.nullish(),
  failing: z.object({ segment: WalName, since: Instant }).nullable(),
  /** When the node started its current segment, if the agent saw it. */
  switchedAt: Instant.nullable(),
  archiveTimeoutSeconds: z.int().nonnegative(),
  maxWalBytes: z.int().positive(),
  at: Instant,
});
export type ArchiveReport = z.infer<typeof ArchiveReport>;

/** The WAL of a cluster as etcd shows it. */
export const WalSight = z.object({
  clusterId: ClusterId,
  stanza: z.string(),
  /** Where each known timeline branched off the one before it. */
  timelines: z.array(z.object({ timeline: z.int(), beganAt: Lsn })),
  members: z.array(
    z.object({
      name: NodeName,
      role: MemberRole.nullable(),
      timeline: z.int().nullable(),
      lsn: Lsn.nullable(),
      archive: ArchiveReport.nullable(),
      /** The timeline that the member led until it became a replica, and the last commit that it archived of that timeline. */
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
    'Returns the WAL of every serving cluster, or of the given cluster even if it does not serve. 404 if that cluster does not exist.',
  input: z.object({ clusterId: ClusterId.optional() }),
  output: z.array(WalSight),
});
