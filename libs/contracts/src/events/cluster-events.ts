import { z } from 'zod';
import { Durability, OutageBound, PossibleLoss } from '../api/failover';
import { ProvenRestores } from '../api/drill';
import { Cause, Instant, Lsn, NodeName, Reason, Remedy, Stanza, StepName } from '../api/fields';
import { ClusterState, MemberRole } from '../api/cluster';
import { RecoveryEnd } from '../api/restore';
import { RestoreTarget } from '../api/restore-target';
import { defineEvent } from '../define-event';
import { ClusterId, UserId } from '../ids';

const PatroniState = z.string().meta({ description: 'state as Patroni reports it', example: 'streaming' });
const cluster = z.object({ clusterId: ClusterId, name: z.string().meta({ example: 'orders' }) });
const member = z.object({
  clusterId: ClusterId,
  member: NodeName,
  role: MemberRole,
  state: PatroniState,
  timeline: z.int().nullable(),
});

export const clusterCreated = defineEvent({
  name: 'cluster.created',
  version: 1,
  description: 'The creation of a cluster was requested and is running as the operation in `correlationid`.',
  data: cluster.extend({ userId: UserId, nodes: z.int(), postgresVersion: z.int() }),
});
export const clusterReady = defineEvent({
  name: 'cluster.ready',
  version: 1,
  description:
    'The creation has succeeded: a row written through the primary port was read through the replica port.',
  data: cluster.extend({ stanza: Stanza }),
});
export const clusterUpdated = defineEvent({
  name: 'cluster.updated',
  version: 1,
  description: 'Name, description or labels changed.',
  data: cluster,
});
export const clusterStateChanged = defineEvent({
  name: 'cluster.state.changed',
  version: 1,
  description: "The cluster's state changed.",
  data: cluster.extend({ from: ClusterState, to: ClusterState, reason: Reason }),
});
export const clusterDeleted = defineEvent({
  name: 'cluster.deleted',
  version: 1,
  description: 'The cluster was deleted, with its machines, load balancer and etcd keys.',
  data: cluster.extend({ backupsKept: z.boolean() }),
});
export const clusterLeaderChanged = defineEvent({
  name: 'cluster.leader.changed',
  version: 1,
  description:
    'Another member holds the leader key in etcd. Published once per change, in the order of the etcd revisions.',
  data: z.object({
    clusterId: ClusterId,
    from: NodeName.nullable(),
    to: NodeName,
    timeline: z.int().nullable().meta({
      description:
        'timeline of the new leader when it acquired the key; its promotion begins the next timeline',
    }),
    etcdRevision: z
      .string()
      .meta({ description: 'revision of the leader key; it only grows', example: '4711' }),
  }),
});
export const clusterMemberJoined = defineEvent({
  name: 'cluster.member.joined',
  version: 1,
  description: "A member's key appeared in etcd.",
  data: member,
});
export const clusterMemberLeft = defineEvent({
  name: 'cluster.member.left',
  version: 1,
  description: "A member's key disappeared from etcd: it was deleted, or its lease expired.",
  data: member,
});
export const clusterMemberStateChanged = defineEvent({
  name: 'cluster.member.state.changed',
  version: 1,
  description: "A member's role, state or timeline changed.",
  data: member.extend({ fromRole: MemberRole, fromState: PatroniState }),
});

const leaders = { clusterId: ClusterId, from: NodeName, to: NodeName };
const timelines = {
  fromTimeline: z.int().nullable(),
  toTimeline: z.int(),
  promotedAt: Lsn.nullable().meta({ description: 'where the new timeline begins' }),
};
const outageMs = z.int().nonnegative().meta({
  description: 'time from the last sign of the old leader to the first possible write, as the nodes saw it',
  example: 2100,
});

export const clusterFailoverStarted = defineEvent({
  name: 'cluster.failover.started',
  version: 1,
  description: 'The cluster lost its leader, and the members are electing a new one.',
  data: z.object({
    clusterId: ClusterId,
    leader: NodeName,
    timeline: z.int().nullable(),
    cause: Cause,
    etcdRevision: z.string().meta({ example: '4711' }),
  }),
});
export const clusterFailoverCompleted = defineEvent({
  name: 'cluster.failover.completed',
  version: 1,
  description: 'The cluster has a new leader and accepts writes again.',
  data: z.object({
    ...leaders,
    ...timelines,
    outageMs,
    outageBound: OutageBound,
    loss: PossibleLoss,
    cause: Cause,
    fenced: z
      .boolean()
      .meta({ description: "whether the platform proved that the old leader's machine was off" }),
  }),
});
export const clusterFailoverLossMeasured = defineEvent({
  name: 'cluster.failover.loss.measured',
  version: 1,
  description:
    'The old leader of a failover is back, and the platform counted what it had written that the new leader never received.',
  data: z.object({
    clusterId: ClusterId,
    member: NodeName,
    timeline: z.int().meta({ description: 'the timeline that it wrote on' }),
    promotedAt: Lsn.meta({ description: 'where the new leader began its own timeline' }),
    bytes: z.int().nonnegative(),
    transactions: z
      .int()
      .nonnegative()
      .meta({ description: 'transactions committed on the old leader and lost' }),
  }),
});
export const clusterSwitchoverCompleted = defineEvent({
  name: 'cluster.switchover.completed',
  version: 1,
  description:
    'A planned change of the leader is complete: the new leader accepts writes, and no data was lost.',
  data: z.object({
    ...leaders,
    ...timelines,
    stallMs: z.int().nonnegative().nullable().meta({
      description: 'how long the poolers held statements; null when they did not, as in a switchover by hand',
      example: 640,
    }),
  }),
});
export const clusterDegraded = defineEvent({
  name: 'cluster.degraded',
  version: 1,
  description: 'The cluster is degraded: it has no leader, or a member is missing or does not stream.',
  data: cluster.extend({ reason: Reason, leader: NodeName.nullable(), serving: z.int(), nodes: z.int() }),
});
export const clusterRecovered = defineEvent({
  name: 'cluster.recovered',
  version: 1,
  description: 'The cluster has recovered: it has a leader, and every member streams.',
  data: cluster.extend({ degradedAt: Instant, durationMs: z.int().nonnegative() }),
});
export const clusterDurabilityReduced = defineEvent({
  name: 'cluster.durability.reduced',
  version: 1,
  description:
    'The leader acknowledges writes that no replica has, although the durability requires one: no replica streams, or a new leader has not chosen its synchronous standbys yet.',
  data: cluster.extend({ durability: Durability, leader: NodeName }),
});
export const clusterDurabilityRestored = defineEvent({
  name: 'cluster.durability.restored',
  version: 1,
  description: 'Acknowledged writes are again as durable as the cluster is configured for.',
  data: cluster.extend({ durability: Durability, since: Instant, durationMs: z.int().nonnegative() }),
});
export const clusterMemberReplaced = defineEvent({
  name: 'cluster.member.replaced',
  version: 1,
  description: 'A new machine has replaced a member and streams. The old machine is given back and shut out.',
  data: cluster.extend({ from: NodeName, to: NodeName }),
});
export const clusterMemberRejoining = defineEvent({
  name: 'cluster.member.rejoining',
  version: 1,
  description: 'A former leader is back and becoming a replica. Published for each phase.',
  data: z.object({
    clusterId: ClusterId,
    member: NodeName,
    timeline: z.int().meta({ description: 'the timeline that it led on' }),
    phase: z.enum(['starting', 'rewinding', 'copying']).meta({
      description:
        'starting: PostgreSQL starts; rewinding: pg_rewind undoes what only this member wrote; copying: its data are copied from the leader again',
    }),
  }),
});
export const clusterMemberRejoined = defineEvent({
  name: 'cluster.member.rejoined',
  version: 1,
  description: 'A former leader now follows the new leader.',
  data: z.object({
    clusterId: ClusterId,
    member: NodeName,
    timeline: z.int(),
    how: z.enum(['followed', 'rewound', 'copied']).meta({
      description:
        'followed: it had written nothing of its own; rewound: pg_rewind undid its own writes; copied: its data were copied from the leader again',
    }),
  }),
});

const from = Stanza.meta({ description: 'the lineage to restore from' });

export const clusterRestoreStarted = defineEvent({
  name: 'cluster.restore.started',
  version: 1,
  description:
    'The target can be reached and all preconditions are met. The backup’s files are restored next to the data that the cluster serves. From `cluster.state.changed` to `restoring` on, the cluster serves no clients.',
  data: cluster.extend({ from, target: RestoreTarget }),
});
export const clusterRestoreCompleted = defineEvent({
  name: 'cluster.restore.completed',
  version: 1,
  description:
    'The cluster serves the restored data, every member streams, and WAL is archived to a new lineage. The previous data are set aside.',
  data: cluster.extend({
    from,
    target: RestoreTarget,
    backupLabel: z.string().meta({ example: '20261123-120000F' }),
    reached: RecoveryEnd,
    stanza: Stanza.meta({ description: 'the new lineage' }),
  }),
});
export const clusterRestoreFailed = defineEvent({
  name: 'cluster.restore.failed',
  version: 1,
  description: 'A restore failed after it had started.',
  data: cluster.extend({
    from,
    target: RestoreTarget,
    step: StepName,
    cause: Cause,
    remedy: Remedy,
    takenBack: z
      .boolean()
      .meta({ description: 'whether the cluster serves the data from before the restore, again or still' }),
  }),
});
export const clusterRestoreUndone = defineEvent({
  name: 'cluster.restore.undone',
  version: 1,
  description:
    'The cluster serves the data from before its last restore again, and archives to their lineage.',
  data: cluster.extend({
    stanza: Stanza.meta({ description: 'the lineage that the cluster archives to again' }),
    left: Stanza.meta({ description: 'the lineage that the cluster leaves' }),
  }),
});
export const clusterRestoreConfirmed = defineEvent({
  name: 'cluster.restore.confirmed',
  version: 1,
  description: 'The data that the last restore set aside were deleted. The restore can no longer be undone.',
  data: cluster.extend({ stanza: Stanza }),
});
export const clusterProofSucceeded = defineEvent({
  name: 'cluster.proof.succeeded',
  version: 1,
  description:
    "Test restores of a lineage succeeded. Their machine is given back now. Correlated to the drill's operation.",
  data: z.object({ clusterId: ClusterId, stanza: from, restores: ProvenRestores }),
});
export const clusterProofFailed = defineEvent({
  name: 'cluster.proof.failed',
  version: 1,
  description:
    "A test restore of a lineage failed. Its machine is given back now. Correlated to the drill's operation.",
  data: z.object({ clusterId: ClusterId, stanza: from, step: StepName, cause: Cause, remedy: Remedy }),
});

const certificate = z.object({
  clusterId: ClusterId,
  machine: NodeName,
  service: z.string().meta({
    description:
      'the service that uses the certificate: `postgresql`, `pgbouncer`, `pgbouncer-local`, `backup-server`',
    example: 'postgresql',
  }),
  notAfter: Instant.meta({ description: 'when it expires' }),
});
export const clusterCertificateRenewed = defineEvent({
  name: 'cluster.certificate.renewed',
  version: 1,
  description: 'A service on a node uses a new certificate. No connection was dropped.',
  data: certificate,
});
export const clusterCertificateExpiring = defineEvent({
  name: 'cluster.certificate.expiring',
  version: 1,
  description:
    'The renewal of a certificate failed, or the certificate is past five sixths of its life and was not renewed. Published once per certificate. The renewal is retried.',
  data: certificate.extend({ cause: Cause }),
});
