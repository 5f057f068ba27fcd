import type { JobHost, RestoreTarget } from '@pgfleet/contracts';
import type { JobOrder } from '@pgfleet/operations';
import { restore } from '@pgfleet/pgbackrest';
import type { ClusterParts } from '../clusters/cluster-view';
import type { Config } from '../config';
import type { ClusterEntity, MachineEntity } from '../persistence/cluster.entity';
import { configureJob } from '../programs/configure-job';

/** On the nodes: the program of role postgres_node that performs restores, and the configuration to read the source lineage. */
const program = ['/usr/bin/python3', '-s', '/usr/local/lib/pgfleet/restore'];
export const restoreConfiguration = '/etc/pgfleet/restore.conf';
const statements = '/etc/patroni/restored.sql';

/** The exit code of `recover` when the archive ends before the target. */
export const targetMissed = 3;

const standstillSeconds = 600;
const discardSeconds = 3600;
/** A large backup takes its time, so this is the longest time that a job may run. */
export const restoreSeconds = 24 * 3600;

const dataDirectory = ({ postgresVersion }: Pick<ClusterEntity, 'postgresVersion'>): string =>
  `/var/lib/postgresql/${postgresVersion}/main`;

const hostOf = ({ name, address, hostKey }: MachineEntity): JobHost => ({
  name,
  address,
  hostKey,
  user: 'root',
});

/** A restore as its jobs see it: the cluster and the node. */
export interface RestoreSite {
  parts: ClusterParts;
  node: string;
  /** The restore that its files on the node are named after. */
  operationId: string;
  /** A file of SQL on the node that makes the restored data the platform's own; by default the one of the node's role. */
  statements?: string;
}

/** The host that the data are restored on. */
export const restoredHost = ({ parts, node }: RestoreSite): JobHost => {
  const machine = parts.machines.find((candidate) => candidate.name === node);
  if (!machine) throw new Error(`${parts.cluster.id} has no machine ${node}`);
  return hostOf(machine);
};

export const restoreCommand = (
  site: RestoreSite,
  deadlineSeconds: number,
  name: string,
  ...rest: string[]
): JobOrder => ({
  kind: 'command',
  host: restoredHost(site),
  runAs: 'postgres',
  argv: [...program, name, dataDirectory(site.parts.cluster), site.operationId, ...rest],
  capture: name === 'recover' || name === 'prove',
  deadlineSeconds,
});

export interface ChosenBackup {
  stanza: string;
  label: string;
  timeline: number;
  target: RestoreTarget;
}

/** Fetches the backup's files beside the existing data, if the node has room for them. */
export const restoreJob = (site: RestoreSite, chosen: ChosenBackup): JobOrder =>
  restoreCommand(site, restoreSeconds, 'restore', ...restore({ ...chosen, config: restoreConfiguration }));

/** `beside` what the node serves, or `in-place`, where there are no data. */
export type RecoveryPlace = 'beside' | 'in-place';

/** `lineage` begins with the recovered data, which get its mark. */
export const recoverJob = (site: RestoreSite, where: RecoveryPlace, lineage?: string): JobOrder => {
  const mark = lineage === undefined ? [] : [lineage];
  return restoreCommand(site, restoreSeconds, 'recover', site.statements ?? statements, where, ...mark);
};

export const discardJob = (site: RestoreSite): JobOrder => restoreCommand(site, discardSeconds, 'discard');

const carryOverSeconds = 60;

/** Gives the leader the passwords that were in force when its cluster was stopped. */
export const carryOverJob = (site: RestoreSite): JobOrder =>
  restoreCommand(site, carryOverSeconds, 'carry-over');

const nodesOf = ({ parts }: RestoreSite) => parts.machines.filter(({ kind }) => kind === 'node');

/** Runs a command on all nodes at the same time, except those that are left out. */
const onEveryNode = (site: RestoreSite, leftOut: readonly string[], ...argv: string[]): JobOrder => {
  const hosts = nodesOf(site).filter(({ name }) => !leftOut.includes(name));
  const host = hosts.find(({ name }) => name === site.node) ?? hosts[0];
  if (!host) throw new Error(`no node of ${site.parts.cluster.id} is left`);
  return {
    kind: 'command',
    host: hostOf(host),
    alsoOn: hosts.filter((other) => other !== host).map(hostOf),
    runAs: 'root',
    argv,
    deadlineSeconds: standstillSeconds,
  };
};

type DataStep = 'set-aside' | 'put-back' | 'discard';
const standstillProgram = '/usr/local/lib/pgfleet/standstill';

const onTheData = ({ parts, node, operationId }: RestoreSite): string[] => [
  node,
  dataDirectory(parts.cluster),
  operationId,
];

/** Checks, while the cluster serves, whether every node can do its part and the leader's node reaches etcd. */
export const preflightJob = (
  site: RestoreSite,
  leader: string | null,
  dataStep: 'set-aside' | 'put-back',
): JobOrder =>
  onEveryNode(site, [], standstillProgram, 'check', leader ?? site.node, ...onTheData(site), dataStep);

/**
 * Disconnects clients, archives what was written last, stops the cluster and keeps everyone from leading. Then it runs the steps
 * on the data of the restored node.
 */
export const customersOutJob = (
  site: RestoreSite,
  leader: string | null,
  ...dataSteps: DataStep[]
): JobOrder =>
  onEveryNode(site, [], standstillProgram, 'out', leader ?? site.node, ...onTheData(site), ...dataSteps);

/** Stops a cluster that serves nobody, then runs the steps on the data of the restored node. */
export const stopJob = (site: RestoreSite, leftOut: readonly string[], ...dataSteps: DataStep[]): JobOrder =>
  onEveryNode(site, leftOut, standstillProgram, 'stop', ...onTheData(site), ...dataSteps);

/** Lets the nodes serve again, with the data that they have. */
export const resumeJob = (site: RestoreSite, leftOut: readonly string[]): JobOrder =>
  onEveryNode(site, leftOut, standstillProgram, 'resume');

/**
 * Fails on a node that was configured by another revision of its role or for another lineage. Otherwise the node's own
 * configuration also reads the source lineage.
 */
const readyOrNot = `
  [ "$(cat /etc/pgfleet/revision)" = "$1" ] && grep -qxF "[$2]" /etc/pgbackrest.conf || {
    echo 'It was configured by another release, or for another lineage.' >&2
    exit 1
  }
  install -g postgres -m 640 /etc/pgbackrest.conf ${restoreConfiguration}`;

/** Checks, without a playbook, that every node can be reached and is prepared to restore from the lineage. */
export const readyJob = (site: RestoreSite, from: string, revision: string): JobOrder =>
  onEveryNode(site, [], '/bin/sh', '-c', readyOrNot, 'ready', revision, from);

/** Prepares every node to restore from the lineage; nothing that serves is touched. */
export const prepareJob = ({ parts }: RestoreSite, from: string, config: Config): JobOrder => ({
  ...configureJob(parts.cluster, parts.machines, config, { source: { stanza: from } }),
  playbook: 'prepare_restore.yml',
});

/** Configures only that node and starts its Patroni. The others are rebuilt once it leads. */
export const handOverJob = ({ parts, node }: RestoreSite, config: Config): JobOrder => {
  const job = configureJob(parts.cluster, parts.machines, config);
  return { ...job, playbook: 'hand_over.yml', vars: { ...job.vars, restored_node: node, lets_go: true } };
};

/** Returns null if no node is left to rebuild. */
export const rebuildReplicasJob = (
  { parts, node }: RestoreSite,
  leftOut: readonly string[],
  config: Config,
): JobOrder | null => {
  const job = configureJob(parts.cluster, parts.machines, config, { isHeld: (name) => name !== node });
  const replicas = (job.groups.nodes ?? []).filter(({ name }) => name !== node && !leftOut.includes(name));
  if (replicas.length === 0) return null;
  return {
    ...job,
    playbook: 'rebuild_replicas.yml',
    groups: { ...job.groups, replicas },
    vars: {
      ...job.vars,
      data_dir: dataDirectory(parts.cluster),
      keeps_set_aside: parts.cluster.setAside?.node ?? '',
    },
  };
};
