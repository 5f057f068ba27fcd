import { z } from 'zod';
import { Cluster, CreateCluster, Credentials, DeleteClusterQuery, UpdateCluster } from '../api/cluster';
import { ClusterHistory, FailoverRequest, SwitchoverRequest } from '../api/failover';
import { NodeName } from '../api/fields';
import { ClusterHealth } from '../api/health';
import { Operation } from '../api/operation';
import { PageQuery } from '../api/page';
import { ClusterLineages, RestoreRequest } from '../api/restore';
import { ClusterId } from '../ids';
import { ClusterPage } from '../requests/cluster-requests';
import { defineEndpoint } from './define-endpoint';

const tag = 'Clusters';
const params = z.strictObject({ clusterId: ClusterId });
const missing = 'There is no such cluster.';
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
    'Orders machines and makes of them a PostgreSQL cluster with a load balancer and a first backup. Follow the operation: it ends ' +
    'when a row was written on the primary port and read on the replica port. Three nodes survive the loss of one. With `fromBackup` ' +
    'it begins with the data of another cluster, or of one that is deleted, as of then; the source is not touched.',
  body: CreateCluster,
  answer: accepted('The creation has begun.'),
  refusals: {
    404: 'There is no such user, or no such cluster or lineage to restore from.',
    409: 'The user has a cluster of this name.',
    422: 'The backup does not lead to the target; the problem names the nearest that it leads to.',
  },
});

export const getClusters = defineEndpoint({
  id: 'listClusters',
  method: 'GET',
  path: '/clusters',
  tag,
  summary: 'List clusters',
  description: 'Newest first, page by page: pass `next` of a page as `before` to get the one after it.',
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
    'The cluster as it is now: state, members with roles, timeline and lag as Patroni tells them through etcd, and where to connect: ' +
    'what each endpoint is for, and its limits.',
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
    'Changes name, description, labels, failover settings or `tls`: the fields that are given, leaving the others. `labels` replaces all ' +
    'labels. `failover` and `tls` are applied to the machines one after the other, without interrupting anybody. Anything else that a cluster ' +
    'has is refused with the reason.',
  params,
  body: UpdateCluster,
  answer: accepted('The change was taken on.'),
  refusals: {
    404: missing,
    409: `${changing} Or the user has a cluster of this name.`,
    422: 'That cannot be changed; the problem says what, and why.',
  },
});

export const removeCluster = defineEndpoint({
  id: 'deleteCluster',
  method: 'DELETE',
  path: '/clusters/{clusterId}',
  tag,
  summary: 'Delete a cluster',
  description:
    'Removes machines, load balancer and everything that the cluster has in etcd. Its backups are kept for as long as its policy says (`retention.leftDays`), unless `keepBackups=false`.',
  params,
  query: DeleteClusterQuery,
  answer: accepted('The deletion has begun.'),
  refusals: { 404: missing, 409: changing },
});

export const getClusterCredentials = defineEndpoint({
  id: 'getCredentials',
  method: 'GET',
  path: '/clusters/{clusterId}/credentials',
  tag,
  summary: 'Get the password',
  description:
    "The customer's user, password and connection strings. The only answer of the API with a secret in it.",
  params,
  answer: { status: 200, description: 'How to log in.', schema: Credentials },
  refusals: { 404: missing, 409: 'The cluster cannot be reached yet.' },
});

export const postCredentialsRotate = defineEndpoint({
  id: 'rotateCredentials',
  method: 'POST',
  path: '/clusters/{clusterId}/credentials/rotate',
  tag,
  summary: 'Set a new password',
  description:
    "Generates a new password for the customer's role. When the operation has succeeded, /credentials returns it and the old one is " +
    'refused; sessions that are connected go on. The role also gets back what it may have lost through SQL: the right to connect to ' +
    'its database, and connection limits are lifted.',
  params,
  answer: accepted('The change has begun.'),
  refusals: { 404: missing, 409: `The cluster does not serve. Or: ${changing}` },
});

export const getHealthOfCluster = defineEndpoint({
  id: 'getHealth',
  method: 'GET',
  path: '/clusters/{clusterId}/health',
  tag,
  summary: 'Get the health',
  description:
    'What the probes found on every node (Patroni, SQL through PgBouncer, replication), now and recently.',
  params,
  answer: { status: 200, description: 'The health of every node.', schema: ClusterHealth },
  refusals: { 404: 'There is no such cluster, or it is not probed yet.' },
});

export const postSwitchover = defineEndpoint({
  id: 'switchover',
  method: 'POST',
  path: '/clusters/{clusterId}/switchover',
  tag,
  summary: 'Hand the lead to another member',
  description:
    'Planned: nothing is lost, no session through port 5000 ends; statements are held by the poolers for a moment. A transaction that ' +
    'runs longer than the poolers may hold makes it fail without effect.',
  params,
  body: SwitchoverRequest,
  answer: accepted('The switchover has begun, or is scheduled.'),
  refusals: {
    404: missing,
    409: `The cluster is not healthy, or the candidate is not fit; the problem says why and shows the members. Or: ${changing}`,
  },
});

export const postFailover = defineEndpoint({
  id: 'failover',
  method: 'POST',
  path: '/clusters/{clusterId}/failover',
  tag,
  summary: 'Replace a leader that is gone or unwell',
  description:
    'For a leader that cannot hand over. What it wrote last and no other member has is lost: unless that is known to be nothing, ' +
    '`confirmDataLoss` must be true.',
  params,
  body: FailoverRequest,
  answer: accepted('The failover has begun.'),
  refusals: {
    404: missing,
    409: `The leader is well, no member can take over, or data may be lost and that was not confirmed; the problem says how much. Or: ${changing}`,
  },
});

export const postReplaceMember = defineEndpoint({
  id: 'replaceMember',
  method: 'POST',
  path: '/clusters/{clusterId}/members/{member}/replace',
  tag,
  summary: 'Replace a member by a new machine',
  description:
    'For a machine that is lost for good, or is to go. A new machine is ordered and copies the leader; when it streams, the old one is ' +
    'given back and shut out: should it come back, it cannot rejoin. A member that leads and is well hands over first, as in a switchover.',
  params: params.extend({ member: NodeName }),
  answer: accepted('The replacement has begun.'),
  refusals: {
    404: missing,
    409: `The cluster has no such member, no leader to copy from, or an unfinished replacement of another member; the problem says which and shows the members. Or: ${changing}`,
  },
});

export const getClusterHistory = defineEndpoint({
  id: 'getHistory',
  method: 'GET',
  path: '/clusters/{clusterId}/history',
  tag,
  summary: 'Get who led when',
  description:
    "Every leadership, newest first: how and why it began, the timeline and where it begins, outage and loss; merged with Patroni's own history.",
  params,
  answer: { status: 200, description: 'The leaderships.', schema: ClusterHistory },
  refusals: { 404: missing },
});

const nothingAside = 'No restore of the cluster is waiting to be confirmed or undone.';

export const postRestore = defineEndpoint({
  id: 'restoreCluster',
  method: 'POST',
  path: '/clusters/{clusterId}/restore',
  tag,
  summary: 'Restore in place',
  description:
    'Takes the cluster back to an earlier state. It is served while the backup comes and is recovered, then all sessions end. ' +
    'What is there now is archived and set aside first; `undo` returns to it, `confirm` deletes it. ' +
    'A target that cannot be reached is refused before anything is touched. ' +
    'From then on the cluster archives to a new lineage, with a full backup of its own.',
  params,
  body: RestoreRequest,
  answer: accepted('The restore has begun.'),
  refusals: {
    404: missing,
    409: `The cluster is not in a state to be restored, or an earlier restore is neither confirmed nor undone. Or: ${changing}`,
    422: 'The backups do not lead to the target; the problem names the nearest that they lead to.',
  },
});

export const postRestoreUndo = defineEndpoint({
  id: 'undoRestore',
  method: 'POST',
  path: '/clusters/{clusterId}/restore/undo',
  tag,
  summary: 'Undo a restore',
  description:
    'Returns to the data, and to the lineage, of before the last restore. What was written since the restore is given up: it is in ' +
    'the lineage that is left, and can be restored from there.',
  params,
  answer: accepted('The return has begun.'),
  refusals: { 404: missing, 409: `${nothingAside} Or: ${changing}` },
});

export const postRestoreConfirm = defineEndpoint({
  id: 'confirmRestore',
  method: 'POST',
  path: '/clusters/{clusterId}/restore/confirm',
  tag,
  summary: 'Confirm a restore',
  description: 'Deletes the data of before the last restore, which take as much room as the cluster itself.',
  params,
  answer: accepted('The deletion has begun.'),
  refusals: { 404: missing, 409: `${nothingAside} Or: ${changing}` },
});

export const getClusterLineages = defineEndpoint({
  id: 'listLineages',
  method: 'GET',
  path: '/clusters/{clusterId}/lineages',
  tag,
  summary: 'List lineages',
  description:
    'The histories of WAL and backups that the cluster has written, newest first: each restore begins one. Also of a cluster that is ' +
    'deleted, whose backups were kept. One that was left is kept for as long as the backup policy says (`retention.leftDays`).',
  params,
  answer: { status: 200, description: 'The lineages.', schema: ClusterLineages },
  refusals: { 404: missing },
});
