import type { Cluster } from '@pgfleet/contracts';
import type { ApiClient } from './api-client';
import { followOperation } from './follow-operation';
import { say } from './report';

const userName = 'demo';
const clusterName = 'demo';

/**
 * Acts as a first customer through the public API: creates a user and a 3-node cluster, and waits until the cluster is ready.
 * Finds them again on later runs.
 */
export async function demoCluster(api: ApiClient): Promise<Cluster> {
  const user =
    (await api.users()).items.find(({ name }) => name === userName) ??
    (await api.createUser({ name: userName }));
  const existing = (await api.clusters()).items.find(
    ({ name, userId }) => name === clusterName && userId === user.id,
  );
  if (existing) {
    if (existing.operationId) await followOperation(api, existing.operationId);
    return api.cluster(existing.id);
  }
  say(`customer ${user.name}: POST /clusters {"name": "${clusterName}", "nodes": 3}`);
  const asked = Date.now();
  const { id, clusterId } = await api.createCluster({ name: clusterName, userId: user.id, nodes: 3 });
  await followOperation(api, id);
  say(
    `from POST /clusters to a cluster that took its first write: ${((Date.now() - asked) / 1000).toFixed(1)} s`,
  );
  return api.cluster(clusterId ?? '');
}
