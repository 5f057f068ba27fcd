import { Inject, Injectable } from '@nestjs/common';
import type { JobResult, RecoveryEnd } from '@pgfleet/contracts';
import { again, fail, next, Outcome, type StepContext } from '@pgfleet/operations';
import { DataSource } from 'typeorm';
import { ClusterRows } from '../clusters/cluster-rows';
import { isWhole } from '../clusters/cluster-view';
import { CONFIG, type Config } from '../config';
import { ClusterControl } from '../failover/cluster-control';
import type { MemberEntity } from '../persistence/cluster.entity';
import { driveJob } from '../programs/drive-job';
import { Failure } from '../programs/explain-failed-job';
import { readRecoveryEnd } from './recovery-end';
import {
  customersOutJob,
  handOverJob,
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
  /** From a started Patroni to a leader that takes writes: two of its rounds, and a look into the archive. */
  leaderMs: 120_000,
  /** Copying the data of a large cluster. */
  replicasMs: 12 * 3600_000,
};

/** The steps that data take from a backup to a cluster that serves them, whether the cluster is there or is being made. */
@Injectable()
export class RestoreSteps {
  constructor(
    private readonly database: DataSource,
    private readonly rows: ClusterRows,
    private readonly control: ClusterControl,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  async site(clusterId: string, node: string, operationId: string): Promise<RestoreSite> {
    return { parts: await this.rows.partsOf(this.database.manager, clusterId), node, operationId };
  }

  /** The backup's files come to the node. */
  async restore(context: Context, site: RestoreSite, chosen: ChosenBackup): Promise<Outcome | Failure> {
    const ran = await driveJob(context, () => restoreJob(site, chosen));
    return isResult(ran) ? next() : ran;
  }

  /** PostgreSQL recovers to the target, where nobody can reach it. */
  async recover(
    context: Context,
    site: RestoreSite,
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
    const ran = await driveJob(context, () => recoverJob(site, where));
    if (!isResult(ran)) return ran;
    const end = readRecoveryEnd(ran.output);
    await context.note(
      `Recovered to ${end.lsn}${end.time ? `, the last transaction at ${end.time}` : ''}; timeline ${end.timeline} begins there.`,
    );
    return end;
  }

  /** Nobody reaches the cluster any more, the present is archived, every Patroni stopped for good; then this is done with the data of the node. */
  async customersOut(
    context: Context,
    site: RestoreSite,
    dataStep: 'set-aside' | 'put-back',
  ): Promise<Outcome | Failure> {
    const ran = await driveJob(context, async () => {
      const { leader } = await this.control.sight(site.parts.cluster.id);
      if (leader !== null && leader !== site.node)
        await context.note(`${leader} leads by now; the data of ${site.node} are exchanged all the same.`);
      return customersOutJob(site, leader, dataStep);
    });
    return isResult(ran) ? next() : ran;
  }

  /**
   * Patroni starts on the node alone, with the present lineage: it finds data of the right system, no word of any others, and leads.
   * What etcd knows of the data that were there before is forgotten first; a leader that is there already is left alone.
   */
  async handOver(context: Context, site: RestoreSite): Promise<Outcome> {
    const { parts, node } = site;
    const { cluster } = parts;
    const leads = async () => {
      const sight = await this.control.sight(cluster.id);
      return sight.leader === node && sight.nodes.get(node)?.writable != null;
    };
    const ran = await driveJob(context, async () => {
      if (!(await leads())) await this.control.forgetHistory(cluster.id);
      return handOverJob(site, this.config);
    });
    if (ran instanceof Failure) return ran.outcome;
    if (ran instanceof Outcome) return ran;
    if (await leads()) return next();
    if (Date.now() - context.stepStartedAt.getTime() < patience.leaderMs) return again(250);
    return fail(
      `${node} does not lead with its restored data after ${patience.leaderMs / 1000} s.`,
      `Look at the journal of patroni on ${node}, then retry the operation.`,
    );
  }

  /** The other nodes throw their data away and copy the leader's; never from the store, which would lead them to the old timeline. */
  async rebuildReplicas(context: Context, site: RestoreSite): Promise<Outcome> {
    const { cluster, members } = site.parts;
    if (cluster.nodes > 1) {
      const ran = await driveJob(context, () => rebuildReplicasJob(site, this.config));
      if (ran instanceof Failure) return ran.outcome;
      if (ran instanceof Outcome) return ran;
    }
    if (isWhole(cluster, members) && onOneTimeline(members)) return next();
    if (Date.now() - context.stepStartedAt.getTime() < patience.replicasMs) return again(1000);
    const states = members.map(({ name, state }) => `${name} is ${state}`).join(', ');
    return fail(
      `Not every member streams from ${site.node}: ${states}.`,
      'Look at the journal of patroni on the machines that do not stream, then retry the operation.',
    );
  }
}

const isResult = (ran: JobResult | Failure | Outcome): ran is JobResult =>
  !(ran instanceof Outcome) && !(ran instanceof Failure);

const onOneTimeline = (members: Pick<MemberEntity, 'timeline'>[]): boolean =>
  new Set(members.map(({ timeline }) => timeline)).size === 1;
