import { Injectable } from '@nestjs/common';
import type { OperationError } from '@pgfleet/contracts';
import { done, Outcome, Program, type OperationContext, type StepContext } from '@pgfleet/operations';
import { DataSource, type EntityManager } from 'typeorm';
import { ClusterRows } from '../clusters/cluster-rows';
import { ClusterStates } from '../clusters/cluster-state';
import { isWhole } from '../clusters/cluster-view';
import { Lineages } from '../lineages/lineages';
import { ClusterEntity } from '../persistence/cluster.entity';
import type { SetAside } from '../persistence/lineage.entity';
import { RestoreSteps } from '../restore/restore-steps';
import { WayBack } from '../restore/way-back';

export interface TakeBackInput {
  setAside: SetAside;
}
type Context = StepContext<TakeBackInput>;

/** Takes back a restore that was cancelled while the cluster was stopped and the restored data did not lead yet. */
@Injectable()
export class TakeBackRestore extends Program<TakeBackInput> {
  static readonly kind = 'cluster.restore.take_back';
  readonly kind = TakeBackRestore.kind;
  readonly steps = ['put_back', 'start_again'] as const;

  constructor(
    private readonly rows: ClusterRows,
    private readonly states: ClusterStates,
    private readonly lineages: Lineages,
    private readonly restoreSteps: RestoreSteps,
    private readonly wayBack: WayBack,
    private readonly database: DataSource,
  ) {
    super();
  }

  async put_back(context: Context): Promise<Outcome> {
    return this.wayBack.putBack(context, await this.site(context));
  }

  async start_again(context: Context): Promise<Outcome> {
    const unfinished = await this.wayBack.startAgain(context, await this.site(context));
    if (unfinished) return unfinished;
    const { members } = await this.rows.partsOf(this.database.manager, clusterOf(context));
    return done().with(async (tx) => {
      const cluster = await this.rows.find(tx, clusterOf(context), { forUpdate: true });
      const reason = 'what was there before the cancelled restore serves again';
      const state = isWhole(cluster, members) ? 'ready' : 'degraded';
      await this.states.change(tx, cluster, state, reason, context.operationId);
      await tx.update(ClusterEntity, { id: cluster.id }, { setAside: null });
      await this.lineages.withdraw(tx, cluster.id);
    });
  }

  override onFailed(
    context: OperationContext<TakeBackInput>,
    error: OperationError,
    tx: EntityManager,
  ): Promise<void> {
    return this.stop(tx, context, `the way back of its restore stopped at ${error.step}: ${error.cause}`);
  }

  override onCancelled(context: OperationContext<TakeBackInput>, tx: EntityManager): Promise<void> {
    return this.stop(tx, context, `the way back of its restore was cancelled at ${context.step}`);
  }

  override async onRetried(context: OperationContext<TakeBackInput>, tx: EntityManager): Promise<void> {
    const cluster = await this.rows.find(tx, clusterOf(context), { forUpdate: true });
    if (cluster.state !== 'failed') return;
    const reason = `the way back of its restore goes on from ${context.step}`;
    await this.states.change(tx, cluster, 'restoring', reason, context.operationId);
  }

  private async stop(
    tx: EntityManager,
    context: OperationContext<TakeBackInput>,
    reason: string,
  ): Promise<void> {
    const cluster = await this.rows.find(tx, clusterOf(context), { forUpdate: true });
    if (cluster.state === 'restoring')
      await this.states.change(tx, cluster, 'failed', reason, context.operationId);
  }

  /** What is kept on the node is named after the restore. */
  private site(context: Context) {
    const { node, operationId } = context.input.setAside;
    return this.restoreSteps.site(clusterOf(context), node, operationId);
  }
}

const clusterOf = ({ clusterId }: OperationContext<TakeBackInput>): string => {
  if (!clusterId) throw new Error('the way back of a restore without a cluster');
  return clusterId;
};
