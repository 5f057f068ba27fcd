import { z } from 'zod';
import { BackupList } from '../api/backup';
import { Cluster, CreateCluster, Credentials, DeleteClusterQuery, UpdateCluster } from '../api/cluster';
import { ClusterHealth } from '../api/health';
import { Operation } from '../api/operation';
import { PageQuery } from '../api/page';
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
    'when a row was written on the primary port and read on the replica port. Three nodes survive the loss of one.',
  body: CreateCluster,
  answer: accepted('The creation has begun.'),
  refusals: { 404: 'There is no such user.', 409: 'The user has a cluster of this name.' },
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
    'The cluster as it is now: state, members with roles, timeline and lag as Patroni tells them through etcd, and where to connect.',
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
    'Changes name, description or labels: the fields that are given, leaving the others. `labels` replaces all labels. Anything ' +
    'else that a cluster has is refused with the reason.',
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
    'Removes machines, load balancer and everything that the cluster has in etcd. Its backups are kept, unless `keepBackups=false`.',
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

export const getClusterBackups = defineEndpoint({
  id: 'listBackups',
  method: 'GET',
  path: '/clusters/{clusterId}/backups',
  tag,
  summary: 'List backups',
  description: 'What `pgbackrest info` says of the cluster: its backups, and the WAL that is archived.',
  params,
  answer: { status: 200, description: 'The backups, newest first.', schema: BackupList },
  refusals: { 404: 'There is no such cluster, or nothing was archived of it yet.' },
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
