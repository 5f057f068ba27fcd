import type { ClusterSight } from '@pgfleet/patroni';
import type { ClusterParts } from '../clusters/cluster-view';
import { nextNode, nodeName } from '../machines/machine-plan';

/** How a member will be replaced. */
export interface Replacement {
  member: string;
  /** The machine that takes its place. */
  by: string;
  /** The member leads and is well, so it hands over first. */
  leads: boolean;
}

export interface Refusal {
  refusal: string;
  remedy: string;
}

type Parts = Pick<ClusterParts, 'cluster' | 'machines'>;

/** Whether the leader's Patroni and agent report that it takes writes, and no member misses it. */
const isWell = ({ members, nodes }: ClusterSight, leader: string): boolean =>
  members.get(leader)?.state === 'running' &&
  nodes.get(leader)?.writable != null &&
  ![...nodes.values()].some(({ lost }) => lost?.leader === leader);

/**
 * Plans how to replace a member, or explains why that is impossible now. The copy needs a leader that takes writes and is not the
 * member itself.
 */
export function planReplacement(
  { cluster, machines }: Parts,
  sight: ClusterSight,
  member: string,
): Replacement | Refusal {
  const nodes = machines.filter(({ kind }) => kind === 'node');
  const refuse = (refusal: string, remedy: string): Refusal => ({ refusal, remedy });
  if (cluster.state !== 'ready' && cluster.state !== 'degraded')
    return refuse(`the cluster is ${cluster.state}`, 'Wait until it is ready or degraded.');
  const machine = nodes.find(({ name }) => name === member);
  if (!machine)
    return refuse(
      `the cluster has no member named ${member}`,
      `Its members are ${nodes.map(({ name }) => name).join(', ')}.`,
    );
  const unfinished = nodes.find(({ replaces }) => replaces !== null);
  if (unfinished && unfinished.replaces !== member)
    return refuse(
      `the replacement of ${unfinished.replaces} by ${unfinished.name} is not finished`,
      `Retry its operation, or ask for the replacement of ${unfinished.replaces} again.`,
    );
  if (cluster.nodes < 2)
    return refuse(
      `${member} is the only member, nobody else has its data`,
      'Create a cluster from its backups (fromBackup), or restore it in place when the machine is back.',
    );
  const { leader } = sight;
  if (leader === null)
    return refuse(
      'no member leads, so there is nothing to copy from',
      'Wait until Patroni has elected a leader, or ask for a failover; then ask again.',
    );
  const plan = { member, by: unfinished?.name ?? nodeName(cluster.id, nextNode(cluster)) };
  if (!isWell(sight, leader))
    return leader === member
      ? refuse(
          `${member} holds the lead and is not well, and Patroni has not elected another leader yet`,
          'Wait until another member leads, or ask for a failover (POST …/failover); then ask again.',
        )
      : refuse(
          `${leader} leads and does not take writes`,
          'Wait until a leader takes writes, or ask for a failover; then ask again.',
        );
  if (leader === member && cluster.state !== 'ready')
    return refuse(
      `${member} leads, and to hand over the cluster must be ready; it is ${cluster.state}`,
      'Bring the other members back or replace them first, then ask again.',
    );
  if (cluster.setAside?.node === member && sight.members.has(member))
    return refuse(
      `the data of before the last restore are on ${member}`,
      'Confirm or undo the restore, then ask again.',
    );
  return { ...plan, leads: leader === member };
}
