import { Inject, Injectable } from '@nestjs/common';
import type { JobResult, RecoveryEnd } from '@pgfleet/contracts';
import { again, fail, next, Outcome, StepFailure, type StepContext } from '@pgfleet/operations';
import { DataSource } from 'typeorm';
import { ClusterRows } from '../clusters/cluster-rows';
import { isWhole } from '../clusters/cluster-view';
import { CONFIG, type Config } from '../config';
import { ClusterControl } from '../failover/cluster-control';
import { Lineages } from '../lineages/lineages';
import type { MemberEntity } from '../persistence/cluster.entity';
import { driveJob } from '../programs/drive-job';
import { Failure } from '../programs/explain-failed-job';
import { driveJobWhereReached, noteLost } from './lost-machines';
import { readRecoveryEnd } from './recovery-end';
import {
  customersOutJob,
  handOverJob,
  preflightJob,
  rebuildReplicasJob,
  recoverJob,
  restoreJob,
  targetMissed,
  type ChosenBackup,
  type RecoveryPlace,
  type RestoreSite,
} from './restore-jobs';

type Context = StepContext<unknown>;

const patience = {
  /** From the start of Patroni to a leader that takes writes: two of its rounds and one look into the archive. */
  leaderMs: 120_000,
  /** Copying the data of a large cluster. */
  replicasMs: 12 * 3600_000,
  /** For a started Patroni to register, and for the lease of a lost one to run out. */
  silentMs: 180_000,
};

/** The steps from a backup to a cluster that serves its data, for an existing cluster or a new one. */
@Injectable()
export class RestoreSteps {
  constructor(
    private readonly database: DataSource,
    private readonly rows: ClusterRows,
    private readonly control: ClusterControl,
    private readonly lineages: Lineages,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  async site(clusterId: string, node: string, operationId: string): Promise<RestoreSite> {
    return { parts: await this.rows.partsOf(this.database.manager, clusterId), node, operationId };
  }

  /** Fetches the backup's files to the node. */
  async restore(context: Context, site: RestoreSite, chosen: ChosenBackup): Promise<Outcome | Failure> {
    const ran = await driveJob(context, () => restoreJob(site, chosen));
    return isResult(ran) ? next() : ran;
  }

  /**
   * Lets PostgreSQL recover to the target, where nobody can reach it. The data get the mark of the lineage that begins with them.
   */
  async recover(
    context: Context,
    site: RestoreSite,
    lineage?: string,
    where: RecoveryPlace = 'in-place',
  ): Promise<RecoveryEnd | Outcome | Failure> {
    const result = context.signal<JobResult>('job');
    if (result?.exitCode === targetMissed) {
      const said = result.failures.map(({ message }) => message.replace(/^ended with exit code \d+: /, ''));
      return new Failure(
        said.join('; ') || 'The archive ends before the target.',
        'Choose an earlier target, or `latest` for everything that is archived.',
      );
    }
    const ran = await driveJob(context, () => recoverJob(site, where, lineage));
    if (!isResult(ran)) return ran;
    const end = readRecoveryEnd(ran.output);
    await context.note(
      `Recovered to ${end.lsn}${end.time ? `, the last transaction at ${end.time}` : ''}; timeline ${end.timeline} begins there.`,
    );
    return end;
  }

  /**
   * Checks on all nodes at once, while the cluster still serves, that each can do its part. A restore does not begin if any node
   * does not answer. An undo does: only the node with the data, and the leader, have to answer.
   */
  async preflight(
    context: Context,
    site: RestoreSite,
    dataStep: 'set-aside' | 'put-back',
  ): Promise<Outcome | Failure> {
    const { leader } = await this.control.sight(site.parts.cluster.id);
    const nodes = site.parts.machines.map(({ name }) => name);
    const needed = dataStep === 'set-aside' ? nodes : [site.node, ...(leader === null ? [] : [leader])];
    const ran = await driveJobWhereReached(context, needed, () => preflightJob(site, leader, dataStep));
    return ran instanceof Failure || ran instanceof Outcome ? ran : next(ran);
  }

  /**
   * Disconnects clients, archives the present and keeps every member from leading, then runs the step on the node's data. It goes
   * on without other nodes that are lost meanwhile: the lock keeps them from leading, too. The outcome names them.
   */
  async customersOut(
    context: Context,
    site: RestoreSite,
    dataStep: 'set-aside' | 'put-back',
  ): Promise<Outcome | Failure> {
    const { id } = site.parts.cluster;
    const ran = await driveJobWhereReached(context, [site.node], async () => {
      const { leader } = await this.control.sight(id);
      if (leader !== null && leader !== site.node)
        await context.note(`${leader} leads by now; the data of ${site.node} are exchanged all the same.`);
      return customersOutJob(site, leader, dataStep);
    });
    if (ran instanceof Failure || ran instanceof Outcome) return ran;
    if (await this.control.isLeadKept(id)) {
      await noteLost(context, ran);
      return next(ran);
    }
    return new Failure(
      `The leader’s machine was lost before the lead was kept from the others: ${ran.lost.join(', ') || 'no machine is missing'}.`,
      'Bring the machine back (power, network, ssh), then retry the operation.',
    );
  }

  /**
   * Gives the lead to the node, then starts Patroni there with the present lineage: it has the lock, so it leads. First it
   * deletes what etcd knows about the previous data; a node that leads already is left alone. Afterwards etcd names the lineage:
   * a node that comes back with data of another one waits to be rebuilt.
   */
  async handOver(context: Context, site: RestoreSite): Promise<Outcome> {
    const { parts, node } = site;
    const { cluster } = parts;
    const leads = async () => {
      const sight = await this.control.sight(cluster.id);
      return sight.leader === node && sight.nodes.get(node)?.writable != null;
    };
    const ran = await driveJob(context, async () => {
      await this.control.recordLineage(cluster.id, null);
      if (!(await leads())) {
        await this.control.forgetHistory(cluster.id);
        const holder = await this.control.giveLead(cluster.id, node);
        if (holder !== node)
          throw new StepFailure(
            `${holder ?? 'Nobody'} holds the leader lock instead of ${node}.`,
            `Stop patroni on ${holder ?? 'every node'}, then retry the operation; or undo the restore.`,
          );
      }
      return handOverJob(site, this.config);
    });
    if (ran instanceof Failure) return ran.outcome;
    if (ran instanceof Outcome) return ran;
    if (await leads()) {
      const { origin } = await this.lineages.find(this.database.manager, cluster.stanza);
      await this.control.recordLineage(cluster.id, origin?.marked ? cluster.stanza : '');
      return next();
    }
    if (Date.now() - context.stepStartedAt.getTime() < patience.leaderMs) return again(250);
    return fail(
      `${node} does not lead with its restored data after ${patience.leaderMs / 1000} s.`,
      `Look at the journal of patroni on ${node}, then retry the operation.`,
    );
  }

  /**
   * Makes the other nodes delete their data and copy the leader's. They never copy from the repository, which would lead them to
   * the old timeline. Nodes that are left out or lost are rebuilt when they are back (LeftBehindWatch); the outcome names them.
   */
  async rebuildReplicas(
    context: Context,
    site: RestoreSite,
    leftOut: readonly string[] = [],
  ): Promise<Outcome> {
    const { cluster, members } = site.parts;
    const job = rebuildReplicasJob(site, leftOut, this.config);
    const ran = job ? await driveJobWhereReached(context, [], () => job) : { lost: [] };
    if (ran instanceof Failure) return ran.outcome;
    if (ran instanceof Outcome) return ran;
    const waited = Date.now() - context.stepStartedAt.getTime();
    const lost = [...new Set([...leftOut, ...ran.lost, ...(await this.silent(site, waited))])];
    const awaited = members.filter(({ name }) => !lost.includes(name));
    const nodes = cluster.nodes - lost.length;
    if (isWhole({ leader: cluster.leader, nodes }, awaited) && onOneTimeline(awaited)) return next({ lost });
    if (waited < patience.replicasMs) return again(1000);
    const states = awaited.map(({ name, state }) => `${name} is ${state}`).join(', ');
    return fail(
      `Not every member streams from ${site.node}: ${states}.`,
      'Look at the journal of patroni on the machines that do not stream, then retry the operation.',
    );
  }

  /** Replicas whose Patroni let its lease run out long after its start: their machines are lost, whatever they were copying. */
  private async silent({ parts, node }: RestoreSite, waitedMs: number): Promise<string[]> {
    if (waitedMs < patience.silentMs) return [];
    const { members } = await this.control.sight(parts.cluster.id);
    const nodes = parts.machines.filter(({ kind }) => kind === 'node');
    return nodes.map(({ name }) => name).filter((name) => name !== node && !members.has(name));
  }
}

const isResult = (ran: JobResult | Failure | Outcome): ran is JobResult =>
  !(ran instanceof Outcome) && !(ran instanceof Failure);

const onOneTimeline = (members: Pick<MemberEntity, 'timeline'>[]): boolean =>
  new Set(members.map(({ timeline }) => timeline)).size === 1;
