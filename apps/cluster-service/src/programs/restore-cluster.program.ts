import { Inject, Injectable } from '@nestjs/common';
import {
  clusterRestoreCompleted,
  clusterRestoreFailed,
  clusterRestoreStarted,
  conflict,
  takeFirstBackup,
  type OperationError,
  type RecoveryEnd,
  type RestoreTarget,
} from '@pgfleet/contracts';
import { Outbox, Requester } from '@pgfleet/messaging';
import {
  again,
  done,
  fail,
  goto,
  next,
  Operations,
  Outcome,
  Program,
  type OperationContext,
  type StepContext,
} from '@pgfleet/operations';
import { DataSource, type EntityManager } from 'typeorm';
import { ClusterRows } from '../clusters/cluster-rows';
import { ClusterStates, serves } from '../clusters/cluster-state';
import { isWhole } from '../clusters/cluster-view';
import { CONFIG, type Config } from '../config';
import { ClusterControl } from '../failover/cluster-control';
import { LeadershipIntents } from '../failover/leadership-intents';
import { Lineages } from '../lineages/lineages';
import { ClusterEntity } from '../persistence/cluster.entity';
import { lostSoFar } from '../restore/lost-machines';
import { prepareJob, readyJob, type ChosenBackup, type RestoreSite } from '../restore/restore-jobs';
import { remedyOf, RestoreSources } from '../restore/restore-source';
import { RestoreSteps } from '../restore/restore-steps';
import { WayBack } from '../restore/way-back';
import { ProvenWrite } from '../verification/proven-write';
import { DiscardRestore } from './discard-restore.program';
import { driveJob } from './drive-job';
import { Failure } from './explain-failed-job';
import { StanzaMaking } from './stanza-making';
import { TakeBackRestore } from './take-back-restore.program';
import { UndoRestore } from './undo-restore.program';
import { unlessBusy } from './unless-busy';

export interface RestoreInput {
  target: RestoreTarget;
  /** The lineage to restore from, one of the cluster's own. */
  from: string;
  /** The lineage that begins with the restore. */
  to: string;
}
type Context = StepContext<RestoreInput>;

interface Plan extends ChosenBackup {
  /** The node whose data are exchanged: the leader's, because it has everything. */
  node: string;
}

/** A failed step's reason, kept while the way back is taken. */
interface Stopped {
  step: string;
  cause: string;
  remedy: string;
}

const patience = {
  /** How long to wait for backup-service to finish another operation on the cluster. */
  firstBackupMs: 180_000,
};

/**
 * Takes a cluster back to an earlier state. Until `set_aside` the cluster serves its present data, which nothing touches: the
 * backup's files are placed beside them and recovered there. A restore to the end of the archive must archive the present first,
 * so it recovers in `recover_to_end`.
 * A failure from `set_aside` to `recover_to_end` leads back to the previous data. From `hand_over` on, a failed restore stays as
 * it is, to be retried or undone. The previous data are kept until somebody confirms or undoes the restore.
 */
@Injectable()
export class RestoreCluster extends Program<RestoreInput> {
  readonly kind = 'cluster.restore';
  readonly steps = [
    'check',
    'check_machines',
    'prepare_machines',
    'restore',
    'recover',
    'preflight',
    'set_aside',
    'recover_to_end',
    'hand_over',
    'create_stanza',
    'first_backup',
    'rebuild_replicas',
    'verify',
    // The way back, taken only after a failure.
    'put_back',
    'start_again',
  ] as const;

  constructor(
    private readonly database: DataSource,
    private readonly rows: ClusterRows,
    private readonly states: ClusterStates,
    private readonly control: ClusterControl,
    private readonly intents: LeadershipIntents,
    private readonly lineages: Lineages,
    private readonly sources: RestoreSources,
    private readonly restoreSteps: RestoreSteps,
    private readonly wayBack: WayBack,
    private readonly stanzaMaking: StanzaMaking,
    private readonly provenWrite: ProvenWrite,
    private readonly requester: Requester,
    private readonly operations: Operations,
    private readonly outbox: Outbox,
    @Inject(CONFIG) private readonly config: Config,
  ) {
    super();
  }

  /** Checks that the backups lead to the target, and chooses the backup and the timeline. */
  async check(context: Context): Promise<Outcome> {
    const { target, from, to } = context.input;
    const { cluster, machines } = await this.parts(context);
    const check = await this.sources.check(from, target);
    if (!check.ok) return fail(check.reason, `${remedyOf(check)} Nothing was touched.`);
    if (check.note) await context.note(check.note);
    const { leader } = await this.control.sight(cluster.id);
    const node = leader ?? cluster.lastLeader ?? machines.find(({ kind }) => kind === 'node')?.name;
    if (!node) throw new Error('the cluster has no nodes');
    const { backupLabel: label, timeline } = check;
    const plan: Plan = { stanza: from, label, timeline, target: check.target, node };
    await context.note(`From the backup ${plan.label}, along timeline ${plan.timeline}, on ${node}.`);
    const origin = { stanza: from, clusterId: cluster.id, target, operationId: context.operationId };
    return next(plan).with((tx) => this.lineages.announce(tx, to, cluster.id, origin));
  }

  /**
   * Checks that every node can be reached and is prepared for a restore. A node is prepared if this release has configured it for
   * the source lineage. Otherwise, and after any failure, the playbook prepares the nodes.
   */
  async check_machines(context: Context): Promise<Outcome> {
    const site = await this.site(context);
    const { PGFLEET_NODES_REVISION: revision } = this.config;
    const { from } = context.input;
    if (!revision || site.parts.cluster.stanza !== from) return next();
    const ran = await driveJob(context, () => readyJob(site, from, revision));
    if (ran instanceof Failure) return next();
    return ran instanceof Outcome ? ran : this.announced(context, site, goto('restore'));
  }

  /** Checks that every node can be reached, and prepares it for a restore. */
  async prepare_machines(context: Context): Promise<Outcome> {
    const site = await this.site(context);
    const ran = await driveJob(context, () => prepareJob(site, context.input.from, this.config));
    const outcome = after(ran, (failure) => failure.outcome);
    return outcome.move.kind === 'next' ? this.announced(context, site, outcome) : outcome;
  }

  /** Fetches the backup's files beside the serving data, if the disk holds both. */
  async restore(context: Context): Promise<Outcome> {
    const plan = planOf(context);
    const ran = await this.restoreSteps.restore(context, await this.site(context), plan);
    if (ran instanceof Failure) return fail(ran.cause, askAgain(ran.remedy));
    return ran.move.kind === 'next' && plan.target.type === 'latest' ? goto('preflight') : ran;
  }

  /** Recovers them beside the serving data; everything needed is archived. Missing the target interrupts nobody. */
  async recover(context: Context): Promise<Outcome> {
    const end = await this.restoreSteps.recover(
      context,
      await this.site(context),
      context.input.to,
      'beside',
    );
    if (end instanceof Failure) return fail(end.cause, askAgain(end.remedy));
    return end instanceof Outcome ? end : next(end);
  }

  /** Checks everything that can fail once more, on all nodes at once, right before the cluster is interrupted. */
  async preflight(context: Context): Promise<Outcome> {
    const ran = await this.restoreSteps.preflight(context, await this.site(context), 'set-aside');
    if (ran instanceof Failure) return fail(ran.cause, askAgain(ran.remedy));
    return ran.move.kind === 'next' ? ran.with((tx) => this.serveNoMore(tx, context)) : ran;
  }

  /**
   * Disconnects clients, stops every Patroni, and moves the data directory aside. Data that are already recovered take its place.
   */
  async set_aside(context: Context): Promise<Outcome> {
    const ran = await this.restoreSteps.customersOut(context, await this.site(context), 'set-aside');
    if (ran instanceof Failure) return this.goBack(context, ran);
    const recovered = context.results.recover as RecoveryEnd | undefined;
    if (ran.move.kind !== 'next' || !recovered) return ran;
    return goto('hand_over', ran.move.result).with((tx) => this.beginLineage(tx, context, recovered));
  }

  /** Recovers, including what the cluster wrote last. */
  async recover_to_end(context: Context): Promise<Outcome> {
    const end = await this.restoreSteps.recover(context, await this.site(context), context.input.to);
    if (end instanceof Failure) return this.goBack(context, end);
    if (end instanceof Outcome) return end;
    return next(end).with((tx) => this.beginLineage(tx, context, end));
  }

  async hand_over(context: Context): Promise<Outcome> {
    return this.restoreSteps.handOver(context, await this.site(context));
  }

  async create_stanza(context: Context): Promise<Outcome> {
    return this.stanzaMaking.step(context, (await this.parts(context)).cluster);
  }

  /**
   * Starts a backup of the new lineage, because without one nothing in it could be restored. Customers do not wait for its end.
   */
  async first_backup(context: Context): Promise<Outcome> {
    const { to: stanza } = context.input;
    const order = { clusterId: clusterOf(context), stanza };
    const begun = await unlessBusy(this.requester.ask(takeFirstBackup, order));
    if (!begun) {
      if (Date.now() - context.stepStartedAt.getTime() < patience.firstBackupMs) return again(1000);
      return fail(
        `Backup-service has had something else to end for the cluster for ${patience.firstBackupMs / 1000} s.`,
        'Look at its operations of the cluster in GET /operations, then retry this one.',
      );
    }
    const { id } = begun;
    await context.note(`${id} makes the first full backup of ${stanza}.`);
    return next({ operationId: id });
  }

  async rebuild_replicas(context: Context): Promise<Outcome> {
    return this.restoreSteps.rebuildReplicas(context, await this.site(context), lostSoFar(context.results));
  }

  async verify(context: Context): Promise<Outcome> {
    const parts = await this.parts(context);
    const unproven = await this.provenWrite.prove(context, parts);
    if (unproven) return unproven;
    const reached = (context.results.recover ?? context.results.recover_to_end) as RecoveryEnd;
    return done(reached).with(async (tx) => {
      const cluster = await this.rows.find(tx, parts.cluster.id, { forUpdate: true });
      await this.serveAgain(tx, context, cluster, 'its restored data serve');
      const { stanza: from, label: backupLabel } = planOf(context);
      const { target } = context.input;
      const data = { ...nameOf(cluster), from, target, backupLabel, reached, stanza: cluster.stanza };
      const options = { correlationId: context.operationId };
      await this.outbox.publish(tx, clusterRestoreCompleted, cluster.id, data, options);
    });
  }

  /** Deletes what was restored so far and puts the previous data back. */
  async put_back(context: Context): Promise<Outcome> {
    const site = await this.site(context);
    return this.wayBack.putBack(context, site);
  }

  /** Starts the cluster as it was, on the nodes that answer: their data share one history, and etcd still knows it. */
  async start_again(context: Context): Promise<Outcome> {
    const site = await this.site(context);
    const unfinished = await this.wayBack.startAgain(context, site);
    if (unfinished) return unfinished;
    const { cluster } = site.parts;
    const { step, cause, remedy } = stoppedAt(context);
    return fail(`${step}: ${cause} The cluster serves what was there before.`, askAgain(remedy)).with(
      async (tx) => {
        const current = await this.rows.find(tx, cluster.id, { forUpdate: true });
        await this.serveAgain(tx, context, current, 'what was there before the restore serves again');
        await tx.update(ClusterEntity, { id: cluster.id }, { setAside: null });
        await this.lineages.withdraw(tx, clusterOf(context));
      },
    );
  }

  override async onFailed(
    context: OperationContext<RestoreInput>,
    error: OperationError,
    tx: EntityManager,
  ): Promise<void> {
    const cluster = await this.rows.find(tx, clusterOf(context), { forUpdate: true });
    await this.intents.withdraw(tx, cluster.id, context.operationId);
    if (!unannounced.includes(context.step)) {
      const takenBack = serves(cluster);
      const { from, target } = context.input;
      const data = { ...nameOf(cluster), from, target, ...error, takenBack };
      const options = { correlationId: context.operationId };
      await this.outbox.publish(tx, clusterRestoreFailed, cluster.id, data, options);
    }
    if (untouched.includes(context.step)) await this.giveUp(tx, context);
    if (cluster.state !== 'restoring') return;
    // The step could not even take the way back, because etcd or the runner was unavailable.
    if (error.step === 'set_aside' || error.step === 'recover_to_end')
      return this.leadBack(tx, cluster, TakeBackRestore.kind);
    await this.stop(tx, context, cluster, `its restore stopped at ${error.step}: ${error.cause}`);
  }

  override async onCancelled(context: OperationContext<RestoreInput>, tx: EntityManager): Promise<void> {
    const cluster = await this.rows.find(tx, clusterOf(context), { forUpdate: true });
    await this.intents.withdraw(tx, cluster.id, context.operationId);
    if (cluster.state !== 'restoring') return this.giveUp(tx, context);
    if (context.step === 'preflight') {
      // A cancel met the commit that marked the cluster as one that does not serve; nobody was interrupted yet.
      await this.serveAgain(tx, context, cluster, 'its restore was cancelled');
      await tx.update(ClusterEntity, { id: cluster.id }, { setAside: null });
      return this.giveUp(tx, context);
    }
    const back = wayBackFrom(context.step);
    // A cancel that meets the last commit of a step finds what that committed: the new lineage may have begun.
    const hasBegun = cluster.setAside !== null && cluster.stanza !== cluster.setAside.stanza;
    if (back) return this.leadBack(tx, cluster, hasBegun ? UndoRestore.kind : back);
    await this.stop(tx, context, cluster, `its restore was cancelled at ${context.step}`);
  }

  /** Starts the way back: the cluster must not stay stopped. */
  private async leadBack(tx: EntityManager, cluster: ClusterEntity, kind: string): Promise<void> {
    const input = { setAside: cluster.setAside, left: cluster.stanza, served: false };
    await this.operations.start(tx, { kind, clusterId: cluster.id, input });
  }

  /** Refuses to resume a restore that was undone or confirmed meanwhile, or that had touched nothing. */
  override async onRetried(context: OperationContext<RestoreInput>, tx: EntityManager): Promise<void> {
    const cluster = await this.rows.find(tx, clusterOf(context), { forUpdate: true });
    if (unannounced.includes(context.step)) return;
    if (cluster.state !== 'failed' || cluster.setAside?.operationId !== context.operationId)
      throw conflict('The restore is over: what it had brought or set aside is not kept any more.', {
        remedy: 'Ask for the restore again: POST /clusters/:id/restore.',
      });
    const reason = `its restore goes on from ${context.step}`;
    await this.states.change(tx, cluster, 'restoring', reason, context.operationId);
  }

  private announced(context: Context, { parts: { cluster } }: RestoreSite, outcome: Outcome): Outcome {
    const data = { ...nameOf(cluster), from: planOf(context).stanza, target: context.input.target };
    const options = { correlationId: context.operationId };
    return outcome.with((tx) => this.outbox.publish(tx, clusterRestoreStarted, cluster.id, data, options));
  }

  /** Nothing was touched: deletes the files that were placed beside the data. */
  private async giveUp(tx: EntityManager, context: OperationContext<RestoreInput>): Promise<void> {
    await this.lineages.withdraw(tx, clusterOf(context));
    if (unannounced.includes(context.step)) return;
    const { operationId } = context;
    const input = { clusterId: clusterOf(context), node: planOf(context).node, operationId };
    await this.operations.start(tx, { kind: DiscardRestore.kind, clusterId: null, input });
  }

  /** The cluster stops serving here. */
  private async serveNoMore(tx: EntityManager, context: Context): Promise<void> {
    const cluster = await this.rows.find(tx, clusterOf(context), { forUpdate: true });
    const { operationId } = context;
    await this.states.change(tx, cluster, 'restoring', 'it is taken back to an earlier state', operationId);
    const setAside = { operationId, node: planOf(context).node, stanza: cluster.stanza };
    await tx.update(ClusterEntity, { id: cluster.id }, { setAside, lost: null, lostAt: null });
  }

  /** Begins the new lineage where recovery ended. */
  private async beginLineage(tx: EntityManager, context: Context, end: RecoveryEnd): Promise<void> {
    const { to } = context.input;
    const cluster = await this.rows.find(tx, clusterOf(context), { forUpdate: true });
    await this.lineages.reached(tx, to, end);
    await this.lineages.goTo(tx, cluster, to);
    await this.intents.declare(tx, cluster.id, {
      origin: 'restore',
      operationId: context.operationId,
      cause: `the cluster was restored to ${end.lsn}`,
    });
  }

  private goBack({ step }: Context, { cause, remedy }: Failure): Outcome {
    const stopped: Stopped = { step, cause, remedy };
    return goto('put_back', { stopped });
  }

  private async serveAgain(
    tx: EntityManager,
    { operationId }: OperationContext<RestoreInput>,
    cluster: ClusterEntity,
    reason: string,
  ): Promise<void> {
    const [parts] = await this.rows.parts(tx, [cluster]);
    const state = isWhole(cluster, parts?.members ?? []) ? 'ready' : 'degraded';
    await this.states.change(tx, cluster, state, reason, operationId);
  }

  private async stop(
    tx: EntityManager,
    { operationId }: OperationContext<RestoreInput>,
    cluster: ClusterEntity,
    reason: string,
  ): Promise<void> {
    await this.states.change(tx, cluster, 'failed', reason, operationId);
  }

  private site(context: Context) {
    return this.restoreSteps.site(clusterOf(context), planOf(context).node, context.operationId);
  }

  private parts(context: Context) {
    return this.rows.partsOf(this.database.manager, clusterOf(context));
  }
}

/** Steps before the restore's start is published, and steps that do not touch the present data. */
const unannounced: readonly string[] = ['check', 'check_machines', 'prepare_machines'];
const untouched: readonly string[] = [...unannounced, 'restore', 'recover', 'preflight'];

/**
 * The operation that returns to the previous data when a restore is cancelled while the cluster is stopped; null if the restored
 * data serve.
 */
const wayBackFrom = (step: string): string | null => {
  if (['set_aside', 'recover_to_end', 'put_back', 'start_again'].includes(step)) return TakeBackRestore.kind;
  return step === 'hand_over' ? UndoRestore.kind : null;
};

const askAgain = (remedy: string): string =>
  remedy.replace(/retry the operation/i, 'ask for the restore again');

const after = (ran: Awaited<ReturnType<typeof driveJob>>, failed: (failure: Failure) => Outcome): Outcome => {
  if (ran instanceof Failure) return failed(ran);
  return ran instanceof Outcome ? ran : next();
};

const clusterOf = ({ clusterId }: OperationContext<RestoreInput>): string => {
  if (!clusterId) throw new Error('a restore without a cluster');
  return clusterId;
};

const planOf = ({ results }: OperationContext<RestoreInput>): Plan => results.check as Plan;

const nameOf = ({ id: clusterId, name }: ClusterEntity) => ({ clusterId, name });

const stoppedAt = ({ results }: OperationContext<RestoreInput>): Stopped => {
  const ended = [results.set_aside, results.recover_to_end] as ({ stopped?: Stopped } | null)[];
  const found = ended.find((result) => result?.stopped)?.stopped;
  if (!found) throw new Error('a restore that went back without a reason');
  return found;
};
