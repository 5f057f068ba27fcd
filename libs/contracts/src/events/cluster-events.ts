import { z } from 'zod';
import { Durability, OutageBound, PossibleLoss } from '../api/failover';
import { ProvenRestores } from '../api/drill';
import { Cause, Instant, Lsn, NodeName, Reason, Remedy, Stanza, StepName } from '../api/fields';
import { ClusterState, MemberRole } from '../api/cluster';
import { RecoveryEnd } from '../api/restore';
import { RestoreTarget } from '../api/restore-target';
import { defineEvent } from '../define-event';
import { ClusterId, UserId } from '../ids';

const PatroniState = z.string().meta({ description: "Patroni's word", example: 'streaming' });
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
  description: 'A cluster was asked for; its creation is under way as the operation in `correlationid`.',
  data: cluster.extend({ userId: UserId, nodes: z.int(), postgresVersion: z.int() }),
});
export const clusterReady = defineEvent({
  name: 'cluster.ready',
  version: 1,
  description: 'The creation has ended: a row was written on the primary port and read on the replica port.',
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
  description: 'Machines, load balancer and etcd keys of the cluster are gone.',
  data: cluster.extend({ backupsKept: z.boolean() }),
});
export const clusterLeaderChanged = defineEvent({
  name: 'cluster.leader.changed',
  version: 1,
  description:
    'Another member holds the leader lock in etcd. Published once per change, in the order of the etcd revisions.',
  data: z.object({
    clusterId: ClusterId,
    from: NodeName.nullable(),
    to: NodeName,
    timeline: z.int().nullable().meta({
      description:
        'the timeline that the new leader was on when it took the lock; its promotion begins the next',
    }),
    etcdRevision: z.string().meta({ description: 'of the leader key, grows', example: '4711' }),
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
  description: "A member's key ended in etcd: it was removed, or its lease ran out.",
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
  description: 'from the last sign of the old leader to the first possible write, as the nodes saw it',
  example: 2100,
});

export const clusterFailoverStarted = defineEvent({
  name: 'cluster.failover.started',
  version: 1,
  description: 'The leader was lost and none is there: the members elect another.',
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
  description: 'After the loss of its leader the cluster takes writes again.',
  data: z.object({
    ...leaders,
    ...timelines,
    outageMs,
    outageBound: OutageBound,
    loss: PossibleLoss,
    cause: Cause,
    fenced: z.boolean().meta({ description: "the platform proved that the old leader's machine was off" }),
  }),
});
export const clusterFailoverLossMeasured = defineEvent({
  name: 'cluster.failover.loss.measured',
  version: 1,
  description:
    'The old leader of a failover is back, and it was counted what it had written that the new leader never got.',
  data: z.object({
    clusterId: ClusterId,
    member: NodeName,
    timeline: z.int().meta({ description: 'that it wrote on' }),
    promotedAt: Lsn.meta({ description: 'where the new leader went its own way' }),
    bytes: z.int().nonnegative(),
    transactions: z.int().nonnegative().meta({ description: 'committed there and lost' }),
  }),
});
export const clusterSwitchoverCompleted = defineEvent({
  name: 'cluster.switchover.completed',
  version: 1,
  description: 'A planned change of the leader has ended: the new one takes writes; nothing was lost.',
  data: z.object({
    ...leaders,
    ...timelines,
    stallMs: z.int().nonnegative().nullable().meta({
      description:
        'how long statements were held by the poolers; null when they were not (a switchover by hand)',
      example: 640,
    }),
  }),
});
export const clusterDegraded = defineEvent({
  name: 'cluster.degraded',
  version: 1,
  description:
    'The cluster is not whole any more: it has no leader, or a member is missing or does not stream.',
  data: cluster.extend({ reason: Reason, leader: NodeName.nullable(), serving: z.int(), nodes: z.int() }),
});
export const clusterRecovered = defineEvent({
  name: 'cluster.recovered',
  version: 1,
  description: 'The cluster is whole again.',
  data: cluster.extend({ degradedAt: Instant, durationMs: z.int().nonnegative() }),
});
export const clusterDurabilityReduced = defineEvent({
  name: 'cluster.durability.reduced',
  version: 1,
  description:
    'The leader acknowledges writes that no replica has, although the durability asks for one: none streams, or a new leader has not named its standbys yet.',
  data: cluster.extend({ durability: Durability, leader: NodeName }),
});
export const clusterDurabilityRestored = defineEvent({
  name: 'cluster.durability.restored',
  version: 1,
  description: 'What is acknowledged survives again what the durability in force promises.',
  data: cluster.extend({ durability: Durability, since: Instant, durationMs: z.int().nonnegative() }),
});
export const clusterMemberReplaced = defineEvent({
  name: 'cluster.member.replaced',
  version: 1,
  description: 'A new machine streams in the place of a member, whose machine is given back and shut out.',
  data: cluster.extend({ from: NodeName, to: NodeName }),
});
export const clusterMemberRejoining = defineEvent({
  name: 'cluster.member.rejoining',
  version: 1,
  description: 'A former leader is there again, and on its way back as a replica; said of each phase.',
  data: z.object({
    clusterId: ClusterId,
    member: NodeName,
    timeline: z.int().meta({ description: 'that it led on' }),
    phase: z.enum(['starting', 'rewinding', 'copying']).meta({
      description:
        'starting: its database comes up; rewinding: pg_rewind undoes what only it has written; copying: anew from the leader',
    }),
  }),
});
export const clusterMemberRejoined = defineEvent({
  name: 'cluster.member.rejoined',
  version: 1,
  description: 'A former leader follows the new one.',
  data: z.object({
    clusterId: ClusterId,
    member: NodeName,
    timeline: z.int(),
    how: z.enum(['followed', 'rewound', 'copied']).meta({
      description: 'followed: it had nothing of its own; rewound: by pg_rewind; copied: anew from the leader',
    }),
  }),
});

const from = Stanza.meta({ description: 'the lineage that is restored from' });

export const clusterRestoreStarted = defineEvent({
  name: 'cluster.restore.started',
  version: 1,
  description:
    'The target can be reached, and what a restore takes is there: the backup’s files come beside the data that the cluster serves. From `cluster.state.changed` to `restoring` on it serves nobody.',
  data: cluster.extend({ from, target: RestoreTarget }),
});
export const clusterRestoreCompleted = defineEvent({
  name: 'cluster.restore.completed',
  version: 1,
  description:
    'The cluster serves the restored data, every member streams, and WAL goes to a new lineage. What was there before is set aside.',
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
  description: 'A restore that had begun has stopped.',
  data: cluster.extend({
    from,
    target: RestoreTarget,
    step: StepName,
    cause: Cause,
    remedy: Remedy,
    takenBack: z
      .boolean()
      .meta({ description: 'the cluster serves the data of before the restore, again or still' }),
  }),
});
export const clusterRestoreUndone = defineEvent({
  name: 'cluster.restore.undone',
  version: 1,
  description: 'The cluster serves the data of before its last restore, and archives to their lineage again.',
  data: cluster.extend({
    stanza: Stanza.meta({ description: 'the lineage that it archives to again' }),
    left: Stanza.meta({ description: 'the lineage that is left' }),
  }),
});
export const clusterRestoreConfirmed = defineEvent({
  name: 'cluster.restore.confirmed',
  version: 1,
  description: 'What the last restore had set aside is deleted: it cannot be undone any more.',
  data: cluster.extend({ stanza: Stanza }),
});
export const clusterProofSucceeded = defineEvent({
  name: 'cluster.proof.succeeded',
  version: 1,
  description:
    "Restores of a lineage were proven on a machine of their own, which goes away now. Correlated to the drill's operation.",
  data: z.object({ clusterId: ClusterId, stanza: from, restores: ProvenRestores }),
});
export const clusterProofFailed = defineEvent({
  name: 'cluster.proof.failed',
  version: 1,
  description:
    "A restore of a lineage was not proven; the machine that it was tried on goes away. Correlated to the drill's operation.",
  data: z.object({ clusterId: ClusterId, stanza: from, step: StepName, cause: Cause, remedy: Remedy }),
});

const certificate = z.object({
  clusterId: ClusterId,
  machine: NodeName,
  service: z.string().meta({
    description:
      'which of the services there serves it: `postgresql`, `pgbouncer`, `pgbouncer-local`, `backup-server`',
    example: 'postgresql',
  }),
  notAfter: Instant.meta({ description: 'until when it is valid' }),
});
export const clusterCertificateRenewed = defineEvent({
  name: 'cluster.certificate.renewed',
  version: 1,
  description: 'A service of a node serves a new certificate. No connection was dropped for it.',
  data: certificate,
});
export const clusterCertificateExpiring = defineEvent({
  name: 'cluster.certificate.expiring',
  version: 1,
  description:
    "A certificate's renewal has failed, or it is past five sixths of its life and was not renewed. Published once per certificate; the renewal is tried again.",
  data: certificate.extend({ cause: Cause }),
});
