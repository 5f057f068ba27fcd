import { z } from 'zod';
import { Cluster, ClusterState, CreateCluster, Credentials, MemberRole, UpdateCluster } from '../api/cluster';
import { ClusterHistory, FailoverRequest, SwitchoverRequest } from '../api/failover';
import { Operation } from '../api/operation';
import { PageQuery, pageOf } from '../api/page';
import { ClusterLineages, RestoreRequest } from '../api/restore';
import { Instant, NodeName } from '../api/fields';
import { ClusterId, JobId, LineageId } from '../ids';
import { JobHost } from '../job';
import { defineRequest, Idempotency } from './define-request';

const service = 'cluster-service';
const byId = z.object({ clusterId: ClusterId });
export const ClusterPage = pageOf(Cluster, 'ClusterPage');

export const createCluster = defineRequest({
  service,
  name: 'create-cluster',
  description:
    'Starts the creation of a cluster. 404 when the user does not exist; 409 when the user already has a cluster with that name.',
  input: z.object({ cluster: CreateCluster, idempotency: Idempotency }),
  output: Operation,
});
export const listClusters = defineRequest({
  service,
  name: 'list-clusters',
  description: 'Lists clusters, newest first.',
  input: PageQuery,
  output: ClusterPage,
});
export const getCluster = defineRequest({
  service,
  name: 'get-cluster',
  description: 'Returns one cluster. 404.',
  input: byId,
  output: Cluster,
});
export const getCredentials = defineRequest({
  service,
  name: 'get-credentials',
  description: "Returns the customer's password and URIs. 404; 409 before the cluster can be reached.",
  input: byId,
  output: Credentials,
});
export const rotateCredentials = defineRequest({
  service,
  name: 'rotate-credentials',
  description: "Starts the rotation of the customer's password. 404; 409 with the reason.",
  input: z.object({ clusterId: ClusterId, idempotency: Idempotency }),
  output: Operation,
});
export const updateCluster = defineRequest({
  service,
  name: 'update-cluster',
  description:
    'Changes name, description, labels, failover settings or `tls`. 404; 409; 422 for fields that cannot be changed.',
  input: z.object({ clusterId: ClusterId, change: UpdateCluster }),
  output: Operation,
});
export const deleteCluster = defineRequest({
  service,
  name: 'delete-cluster',
  description: 'Starts the deletion. 404; 409 naming the operation that is changing the cluster.',
  input: z.object({ clusterId: ClusterId, keepBackups: z.boolean() }),
  output: Operation,
});
export const switchover = defineRequest({
  service,
  name: 'switchover',
  description: 'Starts or schedules a switchover. 404; 409 with the reason and the members.',
  input: z.object({ clusterId: ClusterId, request: SwitchoverRequest, idempotency: Idempotency }),
  output: Operation,
});
export const failover = defineRequest({
  service,
  name: 'failover',
  description: 'Starts a failover. 404; 409 with the reason, the members and what may be lost.',
  input: z.object({ clusterId: ClusterId, request: FailoverRequest, idempotency: Idempotency }),
  output: Operation,
});
export const replaceMember = defineRequest({
  service,
  name: 'replace-member',
  description:
    'Starts the replacement of a member with a new machine. 404; 409 with the reason and the members.',
  input: z.object({ clusterId: ClusterId, member: NodeName, idempotency: Idempotency }),
  output: Operation,
});
export const restoreCluster = defineRequest({
  service,
  name: 'restore-cluster',
  description:
    'Starts a restore in place. 404; 409 with the reason; 422 with the nearest target that can be reached.',
  input: z.object({ clusterId: ClusterId, request: RestoreRequest, idempotency: Idempotency }),
  output: Operation,
});
export const undoRestore = defineRequest({
  service,
  name: 'undo-restore',
  description: 'Starts the return to the data that the last restore set aside. 404; 409 when there are none.',
  input: z.object({ clusterId: ClusterId, idempotency: Idempotency }),
  output: Operation,
});
export const confirmRestore = defineRequest({
  service,
  name: 'confirm-restore',
  description:
    'Starts the deletion of the data that the last restore set aside. 404; 409 when there are none.',
  input: z.object({ clusterId: ClusterId, idempotency: Idempotency }),
  output: Operation,
});
export const listLineages = defineRequest({
  service,
  name: 'list-lineages',
  description: 'Lists the lineages of a cluster, which may be deleted. 404.',
  input: byId,
  output: ClusterLineages,
});
export const releaseLineage = defineRequest({
  service,
  name: 'release-lineage',
  description:
    'Releases a lineage that its cluster left before the given moment, unless an undo may return to it or an operation is reading it. Nothing is restored from a released lineage any more. Idempotent. 404.',
  input: z.object({ stanza: LineageId, leftBefore: Instant }),
  output: z.object({
    released: z.boolean(),
    /** When its cluster left it; null while the cluster archives to it. */
    leftAt: Instant.nullable(),
    /** Why it is kept; null when it is released. */
    keptFor: z.string().nullable(),
  }),
});
export const getHistory = defineRequest({
  service,
  name: 'get-history',
  description: 'Lists past leaders. 404.',
  input: byId,
  output: ClusterHistory,
});
export const revealSecrets = defineRequest({
  service,
  name: 'reveal-secrets',
  description:
    "Returns a cluster's secrets by name, for a running job. Only the ansible-runner may call this.",
  input: z.object({ clusterId: ClusterId, jobId: JobId }),
  output: z.record(z.string(), z.string()),
});

/** What other services need to reach a cluster's machines. */
export const Topology = z.object({
  clusterId: ClusterId,
  state: ClusterState,
  /** The lineage that the cluster archives to now. A restore begins a new one; undoing the restore returns to the old one. */
  stanza: z.string(),
  nodes: z.array(JobHost.extend({ role: MemberRole.nullable(), state: z.string().nullable() })),
});
export type Topology = z.infer<typeof Topology>;

export const getTopology = defineRequest({
  service,
  name: 'get-topology',
  description: 'Returns the machines of a cluster with their current roles, its state and its lineage. 404.',
  input: byId,
  output: Topology,
});
export const listProbeTargets = defineRequest({
  service,
  name: 'list-probe-targets',
  description:
    'Lists every node to probe, with the monitoring password of its cluster. Only the healthcheck-scheduler may call this.',
  input: z.object({}),
  output: z.array(
    z.object({
      clusterId: ClusterId,
      /** The platform's own database. Customers cannot connect to it. */
      database: z.string(),
      /** The customer's database and its owner. Missing in the response of an earlier release. */
      customer: z.object({ database: z.string(), user: z.string() }).optional(),
      password: z.string(),
      nodes: z.array(z.object({ name: z.string(), address: z.string() })),
    }),
  ),
});
