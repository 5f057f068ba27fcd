import type { Etcd3 } from 'etcd3';
import { namespace } from './keys';

/**
 * A planned switchover as the nodes' agents are told of it, phase by phase, in one key of etcd (deploy/ansible/roles/postgres_node,
 * follow_leader). `prepare`: do what takes time and holds nobody up. `hold`: the poolers hold statements, for `capMs` at most, once
 * running transactions have ended; those that have not after `drainMs` make a node refuse. When all of `nodes` hold, the leader's has its
 * Patroni hand over.
 */
export interface PlannedSwitchover {
  /** Of this try: a node that has answered it once does not answer it again. */
  id: string;
  phase: 'prepare' | 'hold';
  leader: string;
  candidate: string;
  nodes: readonly string[];
  capMs: number;
  drainMs: number;
  /** In `hold`: sessions whose transactions have not ended when a part of `drainMs` is over are terminated. */
  terminate?: boolean;
}

/** Has the leader's node report which transactions have been open for so long (NodeReport.blockers), until the word goes. */
export interface BlockersOrder {
  id: string;
  leader: string;
  olderThanMs: number;
}

/** The word goes by itself when whoever gave it is gone; the nodes let statements go on after `capMs` in any case. */
const wordSeconds = 30;

const key = (scope: string): string => `${namespace}${scope}/pgfleet/switchover`;
const blockersKey = (scope: string): string => `${namespace}${scope}/pgfleet/blockers`;

/** Good for half a minute: who still waits gives the word again. */
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

/** Ends it: whatever is held goes on. */
export async function withdrawSwitchover(etcd: Etcd3, scope: string): Promise<void> {
  await etcd.delete().key(key(scope));
}
