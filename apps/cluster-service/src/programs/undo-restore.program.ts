import { Injectable } from '@nestjs/common';
import { clusterRestoreUndone, type OperationError } from '@pgfleet/contracts';
import { Outbox } from '@pgfleet/messaging';
import {
  done,
  fail,
  next,
  Outcome,
  Program,
  type OperationContext,
  type StepContext,
} from '@pgfleet/operations';
import { DataSource, type EntityManager } from 'typeorm';
import { ClusterRows } from '../clusters/cluster-rows';
import { ClusterStates } from '../clusters/cluster-state';
import { isWhole } from '../clusters/cluster-view';
import { LeadershipIntents } from '../failover/leadership-intents';
import { Lineages } from '../lineages/lineages';
import { ClusterEntity } from '../persistence/cluster.entity';
import type { SetAside } from '../persistence/lineage.entity';
import { lostSoFar } from '../restore/lost-machines';
import { carryOverJob, discardJob } from '../restore/restore-jobs';
import { RestoreSteps } from '../restore/restore-steps';
import { breakGlass } from '../restore/way-back';
import { ProvenWrite } from '../verification/proven-write';
import { driveJob } from './drive-job';
import { Failure } from './explain-failed-job';
import { StanzaMaking } from './stanza-making';

/** The step runs many times, but one note is enough. */
const carryOverNoteMs = 10_000;

export interface UndoInput {
  setAside: SetAside;
  /** The lineage that the cluster leaves. */
  left: string;
  /** Whether the cluster served when the undo was requested. */
  served: boolean;
}
type Context = StepContext<UndoInput>;

/**
 * Returns to the data and the lineage from before a restore. The restored cluster has never written to them, so their history
 * continues as if nothing had happened. What the restored cluster did write is archived in its own lineage first.
 */
@Injectable()
export class UndoRestore extends Program<UndoInput> {
  static readonly kind = 'cluster.restore.undo';
  readonly kind = UndoRestore.kind;
  readonly steps = [
    'preflight',
    'put_back',
    'hand_over',
    'create_stanza',
    'rebuild_replicas',
    'verify',
    'discard',
  ] as const;

  constructor(
    private readonly database: DataSource,
    private readonly rows: ClusterRows,
    private readonly states: ClusterStates,
    private readonly intents: LeadershipIntents,
    private readonly lineages: Lineages,
    private readonly restoreSteps: RestoreSteps,
    private readonly stanzaMaking: StanzaMaking,
    private readonly provenWrite: ProvenWrite,
    private readonly outbox: Outbox,
  ) {
    super();
  }

  /** Interrupts nobody for an undo that could not work. A cluster that serves nobody has nothing to lose by trying. */
  async preflight(context: Context): Promise<Outcome> {
    if (!context.input.served) return next();
    const ran = await this.restoreSteps.preflight(context, await this.site(context), 'put-back');
    return ran instanceof Failure ? ran.outcome : ran;
  }

  /** Stops every Patroni and puts the set-aside data back. */
  async put_back(context: Context): Promise<Outcome> {
    const ran = await this.restoreSteps.customersOut(context, await this.site(context), 'put-back');
    if (ran instanceof Failure) return fail(ran.cause, breakGlass(ran.remedy));
    if (ran.move.kind !== 'next') return ran;
    return ran.with(async (tx) => {
      const cluster = await this.rows.find(tx, clusterOf(context), { forUpdate: true });
      await this.lineages.goTo(tx, cluster, context.input.setAside.stanza);
      await this.lineages.withdraw(tx, cluster.id);
      await this.intents.declare(tx, cluster.id, {
        origin: 'restore',
        operationId: context.operationId,
        cause: 'a restore was undone',
      });
    });
  }

  async hand_over(context: Context): Promise<Outcome> {
    return this.restoreSteps.handOver(context, await this.site(context));
  }

  /** The stanza exists already; this proves that WAL reaches it again. */
  async create_stanza(context: Context): Promise<Outcome> {
    const { cluster } = await this.rows.partsOf(this.database.manager, clusterOf(context));
    return this.stanzaMaking.step(context, cluster);
  }

  async rebuild_replicas(context: Context): Promise<Outcome> {
    return this.restoreSteps.rebuildReplicas(context, await this.site(context), lostSoFar(context.results));
  }

  async verify(context: Context): Promise<Outcome> {
    const site = await this.site(context);
    const { parts } = site;
    // The undo does not depend on this: otherwise the previous data serve with the previous password.
    const ran = await driveJob(context, () => carryOverJob(site));
    if (ran instanceof Outcome) return ran;
    if (ran instanceof Failure && Date.now() - context.stepStartedAt.getTime() < carryOverNoteMs)
      await context.note(`The password of before the restore is in force again: ${ran.cause}`);
    const unproven = await this.provenWrite.prove(context, parts);
    if (unproven) return unproven;
    const { left } = context.input;
    return next().with(async (tx) => {
      const cluster = await this.rows.find(tx, parts.cluster.id, { forUpdate: true });
      const state = isWhole(cluster, parts.members) ? 'ready' : 'degraded';
      const { operationId: correlationId } = context;
      await this.states.change(tx, cluster, state, 'its restore was undone', correlationId);
      const data = { clusterId: cluster.id, name: cluster.name, stanza: cluster.stanza, left };
      await this.outbox.publish(tx, clusterRestoreUndone, cluster.id, data, { correlationId });
    });
  }

  /** Deletes the data that the restore had created. */
  async discard(context: Context): Promise<Outcome> {
    const site = await this.site(context);
    const ran = await driveJob(context, () => discardJob(site));
    if (ran instanceof Failure) return ran.outcome;
    if (ran instanceof Outcome) return ran;
    return done().with((tx) => tx.update(ClusterEntity, { id: clusterOf(context) }, { setAside: null }));
  }

  override async onFailed(
    context: OperationContext<UndoInput>,
    error: OperationError,
    tx: EntityManager,
  ): Promise<void> {
    if (error.step === 'preflight') return this.serveOn(tx, context);
    return this.stop(tx, context, `the undoing of its restore stopped at ${error.step}: ${error.cause}`);
  }

  override async onCancelled(context: OperationContext<UndoInput>, tx: EntityManager): Promise<void> {
    if (context.step === 'preflight' && context.input.served) return this.serveOn(tx, context);
    return this.stop(tx, context, `the undoing of its restore was cancelled at ${context.step}`);
  }

  override async onRetried(context: OperationContext<UndoInput>, tx: EntityManager): Promise<void> {
    const cluster = await this.rows.find(tx, clusterOf(context), { forUpdate: true });
    if (cluster.state === 'restoring') return;
    const reason = `the undoing of its restore goes on from ${context.step}`;
    await this.states.change(tx, cluster, 'restoring', reason, context.operationId);
  }

  private async stop(tx: EntityManager, context: OperationContext<UndoInput>, reason: string): Promise<void> {
    const cluster = await this.rows.find(tx, clusterOf(context), { forUpdate: true });
    await this.intents.withdraw(tx, cluster.id, context.operationId);
    if (cluster.state === 'restoring')
      await this.states.change(tx, cluster, 'failed', reason, context.operationId);
  }

  /** Nothing was touched: the restored data keep serving. */
  private async serveOn(tx: EntityManager, context: OperationContext<UndoInput>): Promise<void> {
    const cluster = await this.rows.find(tx, clusterOf(context), { forUpdate: true });
    const [parts] = await this.rows.parts(tx, [cluster]);
    const state = isWhole(cluster, parts?.members ?? []) ? 'ready' : 'degraded';
    const reason = 'nothing was touched by the undoing of its restore';
    await this.states.change(tx, cluster, state, reason, context.operationId);
  }

  /** What is kept on the node is named after the restore, not after its undo. */
  private site(context: Context) {
    const { node, operationId } = context.input.setAside;
    return this.restoreSteps.site(clusterOf(context), node, operationId);
  }
}

const clusterOf = ({ clusterId }: OperationContext<UndoInput>): string => {
  if (!clusterId) throw new Error('the undoing of a restore without a cluster');
  return clusterId;
};
