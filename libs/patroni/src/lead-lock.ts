import type { Etcd3 } from 'etcd3';
import { namespace, nobody } from './keys';

const leaderKey = (scope: string): string => `${namespace}${scope}/leader`;
const lineageKey = (scope: string): string => `${namespace}${scope}/pgfleet/lineage`;

/**
 * Gives the lock to a member whose Patroni does not run yet, if nobody has the lock or nobody can take it: the member leads when
 * it starts. The key has no lease; Patroni replaces it with its own. Returns the holder of the lock afterwards.
 */
export async function giveLead(etcd: Etcd3, scope: string, member: string): Promise<string | null> {
  const key = leaderKey(scope);
  for (const condition of [etcd.if(key, 'Value', '==', nobody), etcd.if(key, 'Create', '==', 0)])
    await condition.then(etcd.put(key).value(member)).commit();
  return etcd.get(key).string();
}

/** Whether every member is kept from leading. */
export async function isLeadKept(etcd: Etcd3, scope: string): Promise<boolean> {
  return (await etcd.get(leaderKey(scope)).string()) === nobody;
}

/** Lets the members elect a leader again. An existing leader is left alone. */
export async function releaseLead(etcd: Etcd3, scope: string): Promise<void> {
  const key = leaderKey(scope);
  await etcd.if(key, 'Value', '==', nobody).then(etcd.delete().key(key)).commit();
}

/**
 * Records the mark of the lineage that the cluster writes (`pgfleet.lineage` in the data directory; `''` for none). A node whose
 * data carry another mark is kept from serving and leading. Null while a node is handed over.
 */
export async function recordLineage(etcd: Etcd3, scope: string, mark: string | null): Promise<void> {
  const key = lineageKey(scope);
  await (mark === null ? etcd.delete().key(key).exec() : etcd.put(key).value(mark).exec());
}
