import type { Etcd3 } from 'etcd3';
import { namespace } from './keys';

/** An election begins at once; who is off is forgotten before its machine can be up again. */
const offSeconds = 10;

/**
 * Takes the lease of a leader away, and with it its leader key and its member key: the others elect at once, as if it had run out.
 * False when somebody else leads by now, or nobody. Only for a leader that is proven to be off: one that lives would write on until
 * it notices.
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
 * Asks Patroni for a failover, as `patronictl failover` does when no node answers it: whoever leads gives up, the candidate takes over.
 * @see https://patroni.readthedocs.io/en/latest/rest_api.html#failover
 */
export async function orderFailover(etcd: Etcd3, scope: string, candidate: string): Promise<void> {
  await etcd.put(`${namespace}${scope}/failover`).value(JSON.stringify({ member: candidate }));
}

/** Takes such a wish back. */
export async function withdrawFailover(etcd: Etcd3, scope: string): Promise<void> {
  await etcd.delete().key(`${namespace}${scope}/failover`);
}
