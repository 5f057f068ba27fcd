import type { Etcd3 } from 'etcd3';
import { namespace } from './keys';

/** An election begins at once. The key expires before the machine can be up again. */
const offSeconds = 10;

/**
 * Revokes a leader's lease, and with it the leader key and the member key: the others elect at once, as if the lease had run out.
 * Returns false if another member, or nobody, leads by now. Only for a leader that is proven to be off: a live one would keep
 * writing until it notices.
 */
export async function revokeLease(etcd: Etcd3, scope: string, leader: string): Promise<boolean> {
  const { kvs } = await etcd.getAll().prefix(`${namespace}${scope}/leader`).exec();
  const [key] = kvs;
  if (!key || key.value.toString() !== leader || String(key.lease) === '0') return false;
  // A patched Patroni reads it: in an election it does not wait two seconds for the answer of a machine that is off.
  const off = etcd.lease(offSeconds, { autoKeepAlive: false });
  await off.put(`${namespace}${scope}/pgfleet/off`).value(leader);
  await etcd.leaseClient.leaseRevoke({ ID: key.lease });
  return true;
}

/**
 * Asks Patroni for a failover, like `patronictl failover` when no node answers: the current leader steps down and the candidate
 * takes over.
 * @see https://patroni.readthedocs.io/en/latest/rest_api.html#failover
 */
export async function orderFailover(etcd: Etcd3, scope: string, candidate: string): Promise<void> {
  await etcd.put(`${namespace}${scope}/failover`).value(JSON.stringify({ member: candidate }));
}

/** Withdraws the failover order. */
export async function withdrawFailover(etcd: Etcd3, scope: string): Promise<void> {
  await etcd.delete().key(`${namespace}${scope}/failover`);
}
