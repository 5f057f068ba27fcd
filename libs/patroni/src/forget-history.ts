import type { Etcd3 } from 'etcd3';
import { namespace } from './keys';

/**
 * What stays of a cluster when its data are exchanged, by the path under its scope. `config`: its settings. `initialize`: with it, a
 * member with data of another system is refused, and one without data waits for a leader instead of making a new, empty cluster. What is
 * the platform's own: agents write their reports when something changes, not again. `leader`: it keeps a machine that comes back from
 * leading (lead-lock.ts).
 */
const staying = (path: string): boolean =>
  ['config', 'initialize', 'leader'].includes(path) || path.startsWith('pgfleet/');

/** Of the paths under a cluster's scope, those that belong to the data that were there. */
export const pathsToForget = (paths: readonly string[]): string[] => paths.filter((path) => !staying(path));

/**
 * Forgets who led, where the WAL was, which timelines there were, who was synchronous: a member whose data are older than that would not be
 * promoted. Only while no Patroni of the cluster runs.
 */
export async function forgetHistory(etcd: Etcd3, scope: string): Promise<void> {
  const prefix = `${namespace}${scope}/`;
  const keys = await etcd.getAll().prefix(prefix).keys();
  const paths = pathsToForget(keys.map((key) => key.slice(prefix.length)));
  await Promise.all(paths.map((path) => etcd.delete().key(prefix + path)));
}
