import type { JobHost, RestoreTarget } from '@pgfleet/contracts';
import type { JobOrder } from '@pgfleet/operations';
import { restore } from '@pgfleet/pgbackrest';
import type { ClusterParts } from '../clusters/cluster-view';
import type { Config } from '../config';
import type { ClusterEntity, MachineEntity } from '../persistence/cluster.entity';
import { configureJob } from '../programs/configure-job';

/** On the nodes: the program of role postgres_node that restores are made of, and the way to the lineage that is restored from. */
const program = ['/usr/bin/python3', '-s', '/usr/local/lib/pgfleet/restore'];
export const restoreConfiguration = '/etc/pgfleet/restore.conf';
const statements = '/etc/patroni/restored.sql';

/** The exit code of `recover` when the archive ends before the target. */
export const targetMissed = 3;

const standstillSeconds = 600;
const discardSeconds = 3600;
/** A large backup takes as long as it takes: the longest that a job may. */
export const restoreSeconds = 24 * 3600;

const dataDirectory = ({ postgresVersion }: Pick<ClusterEntity, 'postgresVersion'>): string =>
  `/var/lib/postgresql/${postgresVersion}/main`;

const hostOf = ({ name, address, hostKey }: MachineEntity): JobHost => ({
  name,
  address,
  hostKey,
  user: 'root',
});

/** A restore as its jobs know it: whose, and on which node. */
export interface RestoreSite {
  parts: ClusterParts;
  node: string;
  /** The restore, after which what it keeps on the node is named. */
  operationId: string;
  /** A file of SQL on the node that makes the restored data the platform's own; that of the node's role when left out. */
  statements?: string;
}

/** Where it is restored. */
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

/** Brings the backup's files beside what is there, if the node has room for them. */
export const restoreJob = (site: RestoreSite, chosen: ChosenBackup): JobOrder =>
  restoreCommand(site, restoreSeconds, 'restore', ...restore({ ...chosen, config: restoreConfiguration }));

/** `beside` what the node serves; or `in-place`, where nothing stands. */
export type RecoveryPlace = 'beside' | 'in-place';

/** `lineage` begins with the recovered data: their mark. */
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

/** At the same time; but not on those that are left out. */
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

/** Whether every node can do its part, and the leader's reaches etcd: looked at while the cluster serves. */
export const preflightJob = (
  site: RestoreSite,
  leader: string | null,
  dataStep: 'set-aside' | 'put-back',
): JobOrder =>
  onEveryNode(site, [], standstillProgram, 'check', leader ?? site.node, ...onTheData(site), dataStep);

/**
 * Nobody reaches the cluster any more, what was written last is archived, the cluster is stopped and nobody can take the lead; then
 * these things are done with the data of the node that is restored.
 */
export const customersOutJob = (
  site: RestoreSite,
  leader: string | null,
  ...dataSteps: DataStep[]
): JobOrder =>
  onEveryNode(site, [], standstillProgram, 'out', leader ?? site.node, ...onTheData(site), ...dataSteps);

/** The cluster, which serves nobody, is stopped, then these things are done with the data of the node that is restored. */
export const stopJob = (site: RestoreSite, leftOut: readonly string[], ...dataSteps: DataStep[]): JobOrder =>
  onEveryNode(site, leftOut, standstillProgram, 'stop', ...onTheData(site), ...dataSteps);

/** The nodes serve again, with the data that they have. */
export const resumeJob = (site: RestoreSite, leftOut: readonly string[]): JobOrder =>
  onEveryNode(site, leftOut, standstillProgram, 'resume');

/** Fails on a node that another revision of its role has configured, or for another lineage; else the way to it is the node's own. */
const readyOrNot = `
  [ "$(cat /etc/pgfleet/revision)" = "$1" ] && grep -qxF "[$2]" /etc/pgbackrest.conf || {
    echo 'It was configured by another release, or for another lineage.' >&2
    exit 1
  }
  install -g postgres -m 640 /etc/pgbackrest.conf ${restoreConfiguration}`;

/** Whether every node can be reached and has what a restore from the lineage takes, without a playbook. */
export const readyJob = (site: RestoreSite, from: string, revision: string): JobOrder =>
  onEveryNode(site, [], '/bin/sh', '-c', readyOrNot, 'ready', revision, from);

/** Gives every node what a restore from the lineage takes; nothing that serves is touched. */
export const prepareJob = ({ parts }: RestoreSite, from: string, config: Config): JobOrder => ({
  ...configureJob(parts.cluster, parts.machines, config, { source: { stanza: from } }),
  playbook: 'prepare_restore.yml',
});

/** The node alone is configured, and its Patroni started: the others are rebuilt once it leads. */
export const handOverJob = ({ parts, node }: RestoreSite, config: Config): JobOrder => {
  const job = configureJob(parts.cluster, parts.machines, config);
  return { ...job, playbook: 'hand_over.yml', vars: { ...job.vars, restored_node: node, lets_go: true } };
};

/** Gives null when no node is left to be rebuilt. */
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
