import { z } from 'zod';
import { Cluster, CreateCluster, Credentials, DeleteClusterQuery, UpdateCluster } from '../api/cluster';
import { ClusterHistory, FailoverRequest, SwitchoverRequest } from '../api/failover';
import { MemberName } from '../api/fields';
import { ClusterHealth } from '../api/health';
import { Operation } from '../api/operation';
import { PageQuery } from '../api/page';
import { ClusterLineages, RestoreRequest } from '../api/restore';
import { ClusterId } from '../ids';
import { ClusterPage } from '../requests/cluster-requests';
import { defineEndpoint } from './define-endpoint';

const tag = 'Clusters';
const params = z.strictObject({ clusterId: ClusterId });
const missing = 'The cluster does not exist.';
const changing = 'Another operation is changing the cluster; the problem names it.';
const accepted = (description: string) =>
  ({ status: 202, description, schema: Operation, location: '/operations/{id}' }) as const;

export const postCluster = defineEndpoint({
  id: 'createCluster',
  method: 'POST',
  path: '/clusters',
  tag,
  summary: 'Create a cluster',
  description:
    'Orders machines and builds a PostgreSQL cluster with a load balancer and a first backup. Follow the operation: it succeeds once a row ' +
    'written through the primary port can be read through the replica port. Three nodes survive the loss of one. With `fromBackup` the ' +
    'cluster starts with the data of another cluster, even a deleted one, at a moment you choose. The source is not touched.',
  body: CreateCluster,
  answer: accepted('The creation has started.'),
  refusals: {
    404: 'The user, or the cluster or lineage to restore from, does not exist.',
    409: 'The user already has a cluster with this name.',
    422: 'The target cannot be restored; the problem names the nearest target that can.',
  },
});

export const getClusters = defineEndpoint({
  id: 'listClusters',
  method: 'GET',
  path: '/clusters',
  tag,
  summary: 'List clusters',
  description: 'Lists clusters, newest first. To get the next page, pass `next` as `before`.',
  query: PageQuery,
  answer: { status: 200, description: 'A page of clusters.', schema: ClusterPage },
});

export const getClusterById = defineEndpoint({
  id: 'getCluster',
  method: 'GET',
  path: '/clusters/{clusterId}',
  tag,
  summary: 'Get a cluster',
  description:
    'Returns the current state of the cluster, its members with role, timeline and lag as Patroni reports them in etcd, and its endpoints: ' +
    'where to connect, what each endpoint is for, and its limits.',
  params,
  answer: { status: 200, description: 'The cluster.', schema: Cluster },
  refusals: { 404: missing },
});

export const putCluster = defineEndpoint({
  id: 'updateCluster',
  method: 'PUT',
  path: '/clusters/{clusterId}',
  tag,
  summary: 'Change a cluster',
  description:
    'Changes name, description, labels, failover settings or `tls`. Fields that are not present stay as they are. `labels` replaces all ' +
    'labels. `failover` and `tls` are applied to one machine after the other, without interrupting clients. Every other field of a cluster is ' +
    'refused with the reason.',
  params,
  body: UpdateCluster,
  answer: accepted('The change has started.'),
  refusals: {
    404: missing,
    409: `${changing} Or the user already has a cluster with this name.`,
    422: 'The field cannot be changed; the problem says which, and why.',
  },
});

export const removeCluster = defineEndpoint({
  id: 'deleteCluster',
  method: 'DELETE',
  path: '/clusters/{clusterId}',
  tag,
  summary: 'Delete a cluster',
  description:
    'Removes the machines, the load balancer and the etcd keys of the cluster. Its backups are kept for as long as its backup policy says (`retention.leftDays`), unless `keepBackups=false`.',
  params,
  query: DeleteClusterQuery,
  answer: accepted('The deletion has started.'),
  refusals: { 404: missing, 409: changing },
});

export const getClusterCredentials = defineEndpoint({
  id: 'getCredentials',
  method: 'GET',
  path: '/clusters/{clusterId}/credentials',
  tag,
  summary: 'Get the credentials',
  description:
    "Returns the customer's user, password and connection strings. No other response of the API contains a secret.",
  params,
  answer: { status: 200, description: 'The credentials.', schema: Credentials },
  refusals: { 404: missing, 409: 'The cluster cannot be reached yet.' },
});

export const postCredentialsRotate = defineEndpoint({
  id: 'rotateCredentials',
  method: 'POST',
  path: '/clusters/{clusterId}/credentials/rotate',
  tag,
  summary: 'Rotate the password',
  description:
    "Generates a new password for the customer's role. Once the operation has succeeded, /credentials returns the new password and the old " +
    'one is refused. Open sessions continue. The operation also undoes what SQL may have taken from the role: it grants the right to ' +
    'connect to its database again, and lifts connection limits.',
  params,
  answer: accepted('The rotation has started.'),
  refusals: { 404: missing, 409: `The cluster is not serving. Or: ${changing}` },
});

export const getHealthOfCluster = defineEndpoint({
  id: 'getHealth',
  method: 'GET',
  path: '/clusters/{clusterId}/health',
  tag,
  summary: 'Get the health of a cluster',
  description:
    'Returns the current and recent results of the probes on every node: Patroni, SQL through PgBouncer, replication.',
  params,
  answer: { status: 200, description: 'The health of every node.', schema: ClusterHealth },
  refusals: { 404: 'The cluster does not exist, or is not probed yet.' },
});

export const postSwitchover = defineEndpoint({
  id: 'switchover',
  method: 'POST',
  path: '/clusters/{clusterId}/switchover',
  tag,
  summary: 'Switch over to another member',
  description:
    'Makes another member the leader. No data is lost, and no session on port 5000 is disconnected: the poolers hold statements for a moment. ' +
    'If a transaction runs longer than the poolers may hold statements, the switchover fails and changes nothing.',
  params,
  body: SwitchoverRequest,
  answer: accepted('The switchover has started, or is scheduled.'),
  refusals: {
    404: missing,
    409: `The cluster is not healthy, or the candidate cannot lead; the problem says why and lists the members. Or: ${changing}`,
  },
});

export const postFailover = defineEndpoint({
  id: 'failover',
  method: 'POST',
  path: '/clusters/{clusterId}/failover',
  tag,
  summary: 'Fail over from a lost leader',
  description:
    'Replaces a leader that cannot hand over, because it is lost or unhealthy. Writes that only the old leader has are lost. Unless it is ' +
    'certain that there are none, `confirmDataLoss` must be true.',
  params,
  body: FailoverRequest,
  answer: accepted('The failover has started.'),
  refusals: {
    404: missing,
    409: `The leader is healthy, no member can take over, or data may be lost and you did not confirm that; the problem says how much. Or: ${changing}`,
  },
});

export const postReplaceMember = defineEndpoint({
  id: 'replaceMember',
  method: 'POST',
  path: '/clusters/{clusterId}/members/{member}/replace',
  tag,
  summary: 'Replace a member',
  description:
    'Replaces a machine that is lost for good or that you want to retire. A new machine is ordered and copies the leader. Once it streams, the ' +
    'old machine is given back and shut out: if it comes back, it cannot rejoin. A healthy leader hands over first, as in a switchover.',
  params: params.extend({ member: MemberName }),
  answer: accepted('The replacement has started.'),
  refusals: {
    404: missing,
    409: `The cluster has no such member, no leader to copy from, or an unfinished replacement of another member; the problem says which and lists the members. Or: ${changing}`,
  },
});

export const getClusterHistory = defineEndpoint({
  id: 'getHistory',
  method: 'GET',
  path: '/clusters/{clusterId}/history',
  tag,
  summary: 'List past leaders',
  description:
    "Lists every leadership, newest first: how and why it began, its timeline and where that begins, the outage and the loss. Includes Patroni's own history.",
  params,
  answer: { status: 200, description: 'The leaderships.', schema: ClusterHistory },
  refusals: { 404: missing },
});

const nothingAside = 'No restore of this cluster is waiting to be confirmed or undone.';

export const postRestore = defineEndpoint({
  id: 'restoreCluster',
  method: 'POST',
  path: '/clusters/{clusterId}/restore',
  tag,
  summary: 'Restore a cluster in place',
  description:
    'Takes the cluster back to an earlier state. It keeps serving while the backup is restored and recovered; then all sessions end. ' +
    'The current data are archived and set aside first: `undo` returns to them, `confirm` deletes them. ' +
    'A target that cannot be reached is refused before anything changes. ' +
    'After the restore the cluster archives to a new lineage, with a full backup of its own.',
  params,
  body: RestoreRequest,
  answer: accepted('The restore has started.'),
  refusals: {
    404: missing,
    409: `The cluster is not in a state that can be restored, or an earlier restore is neither confirmed nor undone. Or: ${changing}`,
    422: 'The target cannot be restored; the problem names the nearest target that can.',
  },
});

export const postRestoreUndo = defineEndpoint({
  id: 'undoRestore',
  method: 'POST',
  path: '/clusters/{clusterId}/restore/undo',
  tag,
  summary: 'Undo a restore',
  description:
    'Returns to the data and the lineage from before the last restore. Writes since the restore are no longer in the cluster, but you can ' +
    'still restore them from the lineage that it leaves.',
  params,
  answer: accepted('The undo has started.'),
  refusals: { 404: missing, 409: `${nothingAside} Or: ${changing}` },
});

export const postRestoreConfirm = defineEndpoint({
  id: 'confirmRestore',
  method: 'POST',
  path: '/clusters/{clusterId}/restore/confirm',
  tag,
  summary: 'Confirm a restore',
  description:
    'Deletes the data from before the last restore, which take as much space as the cluster itself.',
  params,
  answer: accepted('The deletion has started.'),
  refusals: { 404: missing, 409: `${nothingAside} Or: ${changing}` },
});

export const getClusterLineages = defineEndpoint({
  id: 'listLineages',
  method: 'GET',
  path: '/clusters/{clusterId}/lineages',
  tag,
  summary: 'List lineages',
  description:
    'Lists the lineages of the cluster, newest first: its histories of WAL and backups. Each restore begins a new one. Also lists those of a ' +
    'deleted cluster whose backups were kept. A lineage that the cluster left is kept as long as the backup policy says (`retention.leftDays`).',
  params,
  answer: { status: 200, description: 'The lineages.', schema: ClusterLineages },
  refusals: { 404: missing },
});
