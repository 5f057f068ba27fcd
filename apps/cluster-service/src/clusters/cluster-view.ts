import type { Cluster, Connection, Member } from '@pgfleet/contracts';
import type { ClusterEntity, MachineEntity, MemberEntity } from '../persistence/cluster.entity';

/** What a row and its members look like to a customer. Everything here is derived: nothing of it is stored twice. */
export interface ClusterParts {
  cluster: ClusterEntity;
  members: MemberEntity[];
  machines: MachineEntity[];
  operationId: string | null;
}

type Watched = Pick<ClusterEntity, 'leader' | 'leaderPosition' | 'syncStandbys' | 'nodes'>;

export const roleOf = (cluster: Watched, name: string): Member['role'] => {
  if (cluster.leader === name) return 'leader';
  return cluster.syncStandbys.includes(name) ? 'sync_standby' : 'replica';
};

const lagOf = (cluster: Watched, member: MemberEntity): number | null => {
  if (cluster.leader === member.name) return 0;
  if (cluster.leaderPosition === null || member.walPosition === null) return null;
  return Math.max(0, cluster.leaderPosition - member.walPosition);
};

/** Whether every member that was asked for is there, one leads, and the others stream from it. */
export const isWhole = (cluster: Watched, members: MemberEntity[]): boolean =>
  members.length >= cluster.nodes &&
  members.some(({ name, state }) => name === cluster.leader && state === 'running') &&
  members.every(({ name, state }) => name === cluster.leader || state === 'streaming');

export const connectionOf = (cluster: ClusterEntity, machines: MachineEntity[]): Connection | null => {
  const host = machines.find(({ kind }) => kind === 'load_balancer')?.address;
  if (!host) return null;
  const { databaseName: database, databaseUser: user } = cluster;
  const endpoint = (port: number) => ({
    host,
    port,
    database,
    user,
    uri: `postgresql://${user}@${host}:${port}/${database}?sslmode=require`,
  });
  return { primary: endpoint(5000), replicas: endpoint(5001) };
};

export const clusterView = ({ cluster, members, machines, operationId }: ClusterParts): Cluster => ({
  id: cluster.id,
  name: cluster.name,
  userId: cluster.userId ?? '',
  description: cluster.description,
  labels: cluster.labels,
  state: cluster.state,
  nodes: cluster.nodes,
  postgresVersion: cluster.postgresVersion,
  timeline: members.find(({ name }) => name === cluster.leader)?.timeline ?? null,
  members: members.map((member) => ({
    name: member.name,
    machine: member.name,
    role: roleOf(cluster, member.name),
    state: member.state,
    timeline: member.timeline,
    lagBytes: lagOf(cluster, member),
  })),
  connection: connectionOf(cluster, machines),
  operationId,
  createdAt: cluster.createdAt.toISOString(),
  updatedAt: cluster.updatedAt.toISOString(),
});
