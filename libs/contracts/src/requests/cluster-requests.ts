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
    'Starts the creation of a cluster. 404 for the user, 409 when the user has a cluster of that name.',
  input: z.object({ cluster: CreateCluster, idempotency: Idempotency }),
  output: Operation,
});
export const listClusters = defineRequest({
  service,
  name: 'list-clusters',
  description: 'Clusters, newest first.',
  input: PageQuery,
  output: ClusterPage,
});
export const getCluster = defineRequest({
  service,
  name: 'get-cluster',
  description: 'One cluster. 404.',
  input: byId,
  output: Cluster,
});
export const getCredentials = defineRequest({
  service,
  name: 'get-credentials',
  description: "The customer's password and URIs. 404; 409 before the cluster can be reached.",
  input: byId,
  output: Credentials,
});
export const rotateCredentials = defineRequest({
  service,
  name: 'rotate-credentials',
  description: "Starts the change of the customer's password to a new one. 404; 409 with the reason.",
  input: z.object({ clusterId: ClusterId, idempotency: Idempotency }),
  output: Operation,
});
export const updateCluster = defineRequest({
  service,
  name: 'update-cluster',
  description:
    'Changes name, description, labels, failover settings. 404, 409, 422 for what cannot be changed yet.',
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
    'Starts the replacement of a member by a new machine. 404; 409 with the reason and the members.',
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
  description:
    'Starts the return to the data that the last restore has set aside. 404; 409 when there are none.',
  input: z.object({ clusterId: ClusterId, idempotency: Idempotency }),
  output: Operation,
});
export const confirmRestore = defineRequest({
  service,
  name: 'confirm-restore',
  description: 'Starts the deletion of what the last restore has set aside. 404; 409 when there is nothing.',
  input: z.object({ clusterId: ClusterId, idempotency: Idempotency }),
  output: Operation,
});
export const listLineages = defineRequest({
  service,
  name: 'list-lineages',
  description: 'The lineages that a cluster has written, also one that is deleted. 404.',
  input: byId,
  output: ClusterLineages,
});
export const releaseLineage = defineRequest({
  service,
  name: 'release-lineage',
  description:
    'Gives up a lineage that its cluster has left before that moment, unless it can be returned to, or somebody reads it: from then on nothing is restored from it any more. Asking again gives the same. 404.',
  input: z.object({ stanza: LineageId, leftBefore: Instant }),
  output: z.object({
    released: z.boolean(),
    /** When its cluster left it; null while that writes it. */
    leftAt: Instant.nullable(),
    /** What it is kept for; null when it is not. */
    keptFor: z.string().nullable(),
  }),
});
export const getHistory = defineRequest({
  service,
  name: 'get-history',
  description: 'Who led when. 404.',
  input: byId,
  output: ClusterHistory,
});
export const revealSecrets = defineRequest({
  service,
  name: 'reveal-secrets',
  description: "A cluster's secrets by name, for a job that is being run. Only the ansible-runner may ask.",
  input: z.object({ clusterId: ClusterId, jobId: JobId }),
  output: z.record(z.string(), z.string()),
});

/** What other services need to reach a cluster's machines. */
export const Topology = z.object({
  clusterId: ClusterId,
  state: ClusterState,
  /** The lineage that it archives to now: a restore begins another one, and its undoing returns. */
  stanza: z.string(),
  nodes: z.array(JobHost.extend({ role: MemberRole.nullable(), state: z.string().nullable() })),
});
export type Topology = z.infer<typeof Topology>;

export const getTopology = defineRequest({
  service,
  name: 'get-topology',
  description: 'The machines of a cluster and the roles they have now, its state and its lineage. 404.',
  input: byId,
  output: Topology,
});
export const listProbeTargets = defineRequest({
  service,
  name: 'list-probe-targets',
  description:
    'Every node that is to be probed, with the monitoring password of its cluster. Only the healthcheck-scheduler may ask.',
  input: z.object({}),
  output: z.array(
    z.object({
      clusterId: ClusterId,
      /** The platform's own. Customers cannot connect to it. */
      database: z.string(),
      /** What the customer owns. Absent in the answer of an earlier release. */
      customer: z.object({ database: z.string(), user: z.string() }).optional(),
      password: z.string(),
      nodes: z.array(z.object({ name: z.string(), address: z.string() })),
    }),
  ),
});
