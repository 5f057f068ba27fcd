import { z } from 'zod';
import { NodeName, Reason, Stanza } from '../api/fields';
import { ClusterState, MemberRole } from '../api/cluster';
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
