import type { Etcd3 } from 'etcd3';
import { namespace } from './keys';

/**
 * A planned switchover as one key of etcd describes it, phase by phase, to the nodes' agents (deploy/ansible/roles/postgres_node,
 * follow_leader).
 * - `prepare`: do what takes time and holds up nobody.
 * - `hold`: once running transactions have ended, the poolers hold statements, for at most `capMs`. If transactions have not
 *   ended after `drainMs`, the node refuses. When all of `nodes` hold, the leader's node makes its Patroni hand over.
 */
export interface PlannedSwitchover {
  /** The id of this attempt. A node answers each attempt only once. */
  id: string;
  phase: 'prepare' | 'hold';
  leader: string;
  candidate: string;
  nodes: readonly string[];
  capMs: number;
  drainMs: number;
  /** In `hold`: terminate sessions whose transactions have not ended after a part of `drainMs`. */
  terminate?: boolean;
}

/**
 * Makes the leader's node report transactions that have been open for at least this long (NodeReport.blockers), until the order
 * expires.
 */
export interface BlockersOrder {
  id: string;
  leader: string;
  olderThanMs: number;
}

/** The order expires by itself if its sender is gone. The nodes let statements continue after `capMs` in any case. */
const wordSeconds = 30;

const key = (scope: string): string => `${namespace}${scope}/pgfleet/switchover`;
const blockersKey = (scope: string): string => `${namespace}${scope}/pgfleet/blockers`;

/** The order lasts for half a minute; a caller that still waits gives it again. */
export async function askForBlockers(etcd: Etcd3, scope: string, order: BlockersOrder): Promise<void> {
  const lease = etcd.lease(wordSeconds, { autoKeepAlive: false });
  await lease.put(blockersKey(scope)).value(JSON.stringify(order));
}

export async function stopAskingForBlockers(etcd: Etcd3, scope: string): Promise<void> {
  await etcd.delete().key(blockersKey(scope));
}

export async function orderSwitchover(etcd: Etcd3, scope: string, order: PlannedSwitchover): Promise<void> {
  const lease = etcd.lease(wordSeconds, { autoKeepAlive: false });
  await lease.put(key(scope)).value(JSON.stringify(order));
}

/** Ends the switchover: held statements continue. */
export async function withdrawSwitchover(etcd: Etcd3, scope: string): Promise<void> {
  await etcd.delete().key(key(scope));
}
