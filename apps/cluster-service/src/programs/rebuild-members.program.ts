import { Injectable } from '@nestjs/common';
import { done, next, Outcome, Program, type OperationContext, type StepContext } from '@pgfleet/operations';
import { DataSource } from 'typeorm';
import { ClusterRows } from '../clusters/cluster-rows';
import { stopJob, type RestoreSite } from '../restore/restore-jobs';
import { RestoreSteps } from '../restore/restore-steps';
import { driveJob } from './drive-job';
import { Failure } from './explain-failed-job';

export interface RebuildInput {
  /** Members whose data are from before the cluster's last restore, or that a standstill left stopped. */
  names: string[];
}
type Context = StepContext<RebuildInput>;

/** Rebuilds members that were away while their cluster was restored: deletes their data, then copies the leader's. */
@Injectable()
export class RebuildMembers extends Program<RebuildInput> {
  static readonly kind = 'cluster.members.rebuild';
  readonly kind = RebuildMembers.kind;
  readonly steps = ['stop', 'copy'] as const;

  constructor(
    private readonly database: DataSource,
    private readonly rows: ClusterRows,
    private readonly restoreSteps: RestoreSteps,
  ) {
    super();
  }

  async stop(context: Context): Promise<Outcome> {
    const site = await this.site(context);
    const ran = await driveJob(context, () => stopJob(site, this.others(context, site)));
    if (ran instanceof Failure) return ran.outcome;
    return ran instanceof Outcome ? ran : next();
  }

  async copy(context: Context): Promise<Outcome> {
    const site = await this.site(context);
    const leftOut = this.others(context, site).filter((name) => name !== site.node);
    const ran = await this.restoreSteps.rebuildReplicas(context, site, leftOut);
    return ran.move.kind === 'next' ? done() : ran;
  }

  private others({ input }: Context, { parts }: RestoreSite): string[] {
    const nodes = parts.machines.filter(({ kind }) => kind === 'node');
    return nodes.map(({ name }) => name).filter((name) => !input.names.includes(name));
  }

  /** The members copy from the current leader. Only the members' own data are touched. */
  private async site(context: Context): Promise<RestoreSite> {
    const { clusterId, operationId } = context as OperationContext<RebuildInput>;
    if (!clusterId) throw new Error('members without a cluster');
    const parts = await this.rows.partsOf(this.database.manager, clusterId);
    const leader = parts.cluster.leader;
    if (leader === null || context.input.names.includes(leader))
      throw new Error(`no other member leads ${clusterId}`);
    return { parts, node: leader, operationId };
  }
}
