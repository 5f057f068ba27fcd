import type { Cluster, DurabilityState, Member } from '@pgfleet/contracts';
import { failoverSettings } from '../failover/failover-settings';
import type { ClusterEntity, MachineEntity, MemberEntity } from '../persistence/cluster.entity';
import type { NodeReportEntity } from '../persistence/leadership.entity';
import { connectionOf } from './connection';

/** How a customer sees a row and its members. Everything here is derived; nothing is stored twice. */
export interface ClusterParts {
  cluster: ClusterEntity;
  members: MemberEntity[];
  machines: MachineEntity[];
  nodeReports: NodeReportEntity[];
  /** Since when the leader has acknowledged writes without a replica; null while it does not. */
  aloneSince: Date | null;
  operationId: string | null;
}

/** The holder of the leader lock and the synchronous replicas. */
interface Led {
  readonly leader: string | null;
  readonly syncStandbys: readonly string[];
}

export const roleOf = ({ leader, syncStandbys }: Led, name: string): Member['role'] => {
  if (leader === name) return 'leader';
  return syncStandbys.includes(name) ? 'sync_standby' : 'replica';
};

const lagOf = (cluster: ClusterEntity, member: MemberEntity): number | null => {
  if (cluster.leader === member.name) return 0;
  if (cluster.leaderPosition === null || member.walPosition === null) return null;
  return Math.max(0, cluster.leaderPosition - member.walPosition);
};

/** Whether every requested member exists, one leads, and the others stream from it. */
export const isWhole = (
  cluster: Pick<ClusterEntity, 'leader' | 'nodes'>,
  members: Pick<MemberEntity, 'name' | 'state'>[],
): boolean =>
  members.length >= cluster.nodes &&
  members.some(({ name, state }) => name === cluster.leader && state === 'running') &&
  members.every(({ name, state }) => name === cluster.leader || state === 'streaming');

/** Whether a replica is sure to have what the leader acknowledges, if the cluster's durability requires one. */
export const keepsAcknowledged = ({
  durability,
  nodes,
  syncStandbys,
}: Pick<ClusterEntity, 'durability' | 'nodes' | 'syncStandbys'>): boolean =>
  durability === 'async' || nodes === 1 || syncStandbys.length > 0;

export const membersView = ({
  cluster,
  members,
  nodeReports,
}: Pick<ClusterParts, 'cluster' | 'members' | 'nodeReports'>): Member[] =>
  members.map((member) => {
    const report = nodeReports.find((node) => node.member === member.name)?.report;
    return {
      name: member.name,
      machine: member.name,
      role: roleOf(cluster, member.name),
      state: member.state,
      timeline: member.timeline,
      lagBytes: lagOf(cluster, member),
      watchdog: report?.watchdog ?? null,
      patroni: report?.patroni ?? null,
      rejoining: report?.rejoining?.phase ?? null,
    };
  });

const durabilityView = (
  { durability, patroniDurability }: ClusterEntity,
  aloneSince: Date | null,
): DurabilityState => ({
  configured: durability,
  effective: aloneSince ? 'async' : patroniDurability,
  alone: aloneSince !== null,
  since: aloneSince?.toISOString() ?? null,
});

/** @param fencingPossible whether the machine provider can prove that a machine is off */
export const clusterView = (
  { cluster, members, machines, nodeReports, aloneSince, operationId }: ClusterParts,
  fencingPossible: boolean,
): Cluster => ({
  id: cluster.id,
  name: cluster.name,
  userId: cluster.userId ?? '',
  description: cluster.description,
  labels: cluster.labels,
  state: cluster.state,
  nodes: cluster.nodes,
  postgresVersion: cluster.postgresVersion,
  timeline: members.find(({ name }) => name === cluster.leader)?.timeline ?? null,
  failover: failoverSettings(cluster, fencingPossible),
  tls: cluster.tls,
  durability: durabilityView(cluster, aloneSince),
  pendingMachines: machines.flatMap(({ name, pendingSince }) => (pendingSince ? [name] : [])),
  members: membersView({ cluster, members, nodeReports }),
  connection: connectionOf(cluster, machines),
  operationId,
  createdAt: cluster.createdAt.toISOString(),
  updatedAt: cluster.updatedAt.toISOString(),
});
