import type { Etcd3 } from 'etcd3';
import { namespace, nobody } from './keys';

const leaderKey = (scope: string): string => `${namespace}${scope}/leader`;
const lineageKey = (scope: string): string => `${namespace}${scope}/pgfleet/lineage`;

/**
 * Gives the lock that nobody can take, or that nobody has, to a member whose Patroni does not run yet: it leads when it starts. Without
 * a lease, which Patroni replaces with its own. Gives who has the lock then.
 */
export async function giveLead(etcd: Etcd3, scope: string, member: string): Promise<string | null> {
  const key = leaderKey(scope);
  for (const condition of [etcd.if(key, 'Value', '==', nobody), etcd.if(key, 'Create', '==', 0)])
    await condition.then(etcd.put(key).value(member)).commit();
  return etcd.get(key).string();
}

/** Whether the lead is kept from every member. */
export async function isLeadKept(etcd: Etcd3, scope: string): Promise<boolean> {
  return (await etcd.get(leaderKey(scope)).string()) === nobody;
}

/** Lets the members elect a leader again. One who leads is left alone. */
export async function releaseLead(etcd: Etcd3, scope: string): Promise<void> {
  const key = leaderKey(scope);
  await etcd.if(key, 'Value', '==', nobody).then(etcd.delete().key(key)).commit();
}

/**
 * The mark that the data of the lineage have which the cluster writes (`pgfleet.lineage` in the data directory; `''`: none): a node whose
 * data have another one is kept from serving and from leading. Null while a node is handed over.
 */
export async function recordLineage(etcd: Etcd3, scope: string, mark: string | null): Promise<void> {
  const key = lineageKey(scope);
  await (mark === null ? etcd.delete().key(key).exec() : etcd.put(key).value(mark).exec());
}
