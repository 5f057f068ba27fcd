import type { Etcd3 } from 'etcd3';
import { namespace } from './keys';

/**
 * Keys that stay when a cluster's data are exchanged, by the path under its scope:
 * - `config`: the cluster's settings.
 * - `initialize`: makes Patroni refuse a member with data of another system. A member without data then waits for a leader
 *   instead of initialising a new, empty cluster.
 * - The platform's own keys: agents write their reports only when something changes, not again.
 * - `leader`: keeps a machine that comes back from leading (lead-lock.ts).
 */
const staying = (path: string): boolean =>
  ['config', 'initialize', 'leader'].includes(path) || path.startsWith('pgfleet/');

/** The paths under a cluster's scope that belong to the previous data. */
export const pathsToForget = (paths: readonly string[]): string[] => paths.filter((path) => !staying(path));

/**
 * Deletes the past leaders, WAL positions, timelines and synchronous members. Otherwise a member whose data are older would not
 * be promoted. Call it only while no Patroni of the cluster runs.
 */
export async function forgetHistory(etcd: Etcd3, scope: string): Promise<void> {
  const prefix = `${namespace}${scope}/`;
  const keys = await etcd.getAll().prefix(prefix).keys();
  const paths = pathsToForget(keys.map((key) => key.slice(prefix.length)));
  await Promise.all(paths.map((path) => etcd.delete().key(prefix + path)));
}
