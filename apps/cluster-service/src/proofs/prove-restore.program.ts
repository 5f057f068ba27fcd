import { Inject, Injectable } from '@nestjs/common';
import {
  clusterProofFailed,
  clusterProofSucceeded,
  conflict,
  type JobResult,
  type OperationError,
  type ParsedInput,
  type ProvenRestore,
  type ProvenRestores,
  type proveRestore,
  type RecoveryEnd,
  type RestoreToProve,
} from '@pgfleet/contracts';
import { NoCapacity } from '@pgfleet/machines';
import { Outbox } from '@pgfleet/messaging';
import {
  done,
  fail,
  goto,
  next,
  Operations,
  Outcome,
  Program,
  StepFailure,
  type JobOrder,
  type OperationContext,
  type StepContext,
} from '@pgfleet/operations';
import { verifyFaults } from '@pgfleet/pgbackrest';
import { DataSource, type EntityManager } from 'typeorm';
import { z } from 'zod';
import { ClusterRows } from '../clusters/cluster-rows';
import { CONFIG, type Config } from '../config';
import { ClusterMachines } from '../machines/cluster-machines';
import { MachineEntity } from '../persistence/cluster.entity';
import { driveJob } from '../programs/drive-job';
import { Failure } from '../programs/explain-failed-job';
import type { RestoreSite } from '../restore/restore-jobs';
import { RestoreSteps } from '../restore/restore-steps';
import { beginAgainJob, prepareMachineJob, proveJob, verifyStoreJob } from './proof-jobs';
import { RemoveProofMachine } from './remove-proof-machine.program';

export type ProofInput = ParsedInput<typeof proveRestore>;
type Context = StepContext<ProofInput>;
type Which = keyof ProofInput['restores'];

interface ProofMachine {
  address: string;
  hostKey: string;
}
interface Recovered {
  end: RecoveryEnd;
  tookMs: number;
}
const Proof = z.object({ databases: z.int() });

/** Parses the last line that the node's program printed. Another attempt would read the same. */
const readProof = (output: string | null): z.infer<typeof Proof> => {
  const last = output?.trim().split('\n').at(-1) ?? '';
  try {
    return Proof.parse(JSON.parse(last));
  } catch {
    throw new StepFailure(
      `The check did not say what it has checked: ${JSON.stringify(last)}`,
      'Look at the output in GET /operations/:id/log, then start another drill.',
    );
  }
};

/**
 * Proves that a lineage in the repository is sound and can be restored, on a separate machine that is not a member of the
 * cluster. Its PostgreSQL listens on a socket that nobody else can open, and archives nothing. However the proof ends, the
 * machine is removed.
 */
@Injectable()
export class ProveRestore extends Program<ProofInput> {
  static readonly kind = 'cluster.proof';
  readonly kind = ProveRestore.kind;
  readonly steps = [
    ...['boot_machine', 'prepare_machine', 'verify_store', 'verify_again'],
    ...['restore_newest', 'recover_newest', 'check_newest'],
    ...['begin_again', 'restore_moment', 'recover_moment', 'check_moment'],
  ] as const;

  constructor(
    private readonly database: DataSource,
    private readonly rows: ClusterRows,
    private readonly machines: ClusterMachines,
    private readonly restoreSteps: RestoreSteps,
    private readonly operations: Operations,
    private readonly outbox: Outbox,
    @Inject(CONFIG) private readonly config: Config,
  ) {
    super();
  }

  async boot_machine(context: Context): Promise<Outcome> {
    try {
      const { address, hostKey } = await this.machines.orderForProof(
        machineOf(context),
        context.input.clusterId,
      );
      return next({ address, hostKey } satisfies ProofMachine);
    } catch (error) {
      if (!(error instanceof NoCapacity)) throw error;
      return fail(
        `The machine provider ${this.machines.providerName} has no room for a machine to restore on: ${error.message}.`,
        'Free machines or add some to the provider, then start another drill.',
      );
    }
  }

  async prepare_machine(context: Context): Promise<Outcome> {
    const site = await this.site(context);
    return this.ran(context, prepareMachineJob(site, context.input.stanza, this.config), () => next());
  }

  /** A backup may have expired while it was read, so findings are checked once more. */
  async verify_store(context: Context): Promise<Outcome> {
    return this.verified(context, async (faults) => {
      await context.note(`Looking again, for something may have been removed meanwhile: ${inWords(faults)}`);
      return next();
    });
  }

  async verify_again(context: Context): Promise<Outcome> {
    return this.verified(context, (faults) =>
      fail(
        `The store holds what is not sound: ${inWords(faults)}`,
        'Make a full backup at once: POST /clusters/:id/backups. Then find out what has changed the objects in the store.',
      ),
    );
  }

  restore_newest(context: Context): Promise<Outcome> {
    return this.restore(context, 'newest');
  }
  recover_newest(context: Context): Promise<Outcome> {
    return this.recover(context, 'newest');
  }
  async check_newest(context: Context): Promise<Outcome> {
    return this.check(context, 'newest', (proven) => {
      if (context.input.restores.moment) return next(proven);
      return this.succeeded(context, { newest: proven, moment: null });
    });
  }

  async begin_again(context: Context): Promise<Outcome> {
    return this.ran(context, beginAgainJob(await this.site(context)), () => next());
  }

  restore_moment(context: Context): Promise<Outcome> {
    return this.restore(context, 'moment');
  }
  recover_moment(context: Context): Promise<Outcome> {
    return this.recover(context, 'moment');
  }
  async check_moment(context: Context): Promise<Outcome> {
    return this.check(context, 'moment', (moment) =>
      this.succeeded(context, { newest: context.results.check_newest as ProvenRestore, moment }),
    );
  }

  override onDone(context: OperationContext<ProofInput>, tx: EntityManager): Promise<void> {
    return this.removeMachine(context, tx);
  }

  override async onFailed(
    context: OperationContext<ProofInput>,
    { cause, remedy, step }: OperationError,
    tx: EntityManager,
  ): Promise<void> {
    await this.failed(context, { cause, remedy, step }, tx);
  }

  override async onCancelled(context: OperationContext<ProofInput>, tx: EntityManager): Promise<void> {
    const cause = `${context.operationId} was cancelled.`;
    await this.failed(context, { cause, remedy: 'Start another drill.', step: context.step }, tx);
  }

  override onRetried(): Promise<void> {
    throw conflict('The machine of this proof is gone.', {
      remedy: 'Start another drill: POST /clusters/:clusterId/drills.',
    });
  }

  private async verified(
    context: Context,
    onFaults: (faults: string[]) => Outcome | Promise<Outcome>,
  ): Promise<Outcome> {
    const { stanza } = context.input;
    return this.ran(context, verifyStoreJob(await this.site(context), stanza), ({ output }) => {
      const faults = verifyFaults(output ?? '');
      return faults.length === 0 ? goto('restore_newest') : onFaults(faults);
    });
  }

  private async restore(context: Context, which: Which): Promise<Outcome> {
    const { backupLabel: label, timeline, target } = orderOf(context, which);
    const { stanza } = context.input;
    const chosen = { stanza, label, timeline, target };
    const outcome = await this.restoreSteps.restore(context, await this.site(context), chosen);
    if (outcome instanceof Failure) return outcome.outcome;
    return outcome.move.kind === 'next' ? next(elapsed(context)) : outcome;
  }

  private async recover(context: Context, which: Which): Promise<Outcome> {
    orderOf(context, which);
    const end = await this.restoreSteps.recover(context, await this.site(context));
    if (end instanceof Failure) return end.outcome;
    return end instanceof Outcome ? end : next({ end, tookMs: elapsed(context) } satisfies Recovered);
  }

  private async check(
    context: Context,
    which: Which,
    onProven: (proven: ProvenRestore) => Outcome,
  ): Promise<Outcome> {
    const order = orderOf(context, which);
    return this.ran(context, proveJob(await this.site(context), order.marks), ({ output }) => {
      const { databases } = readProof(output);
      const { end, tookMs } = context.results[`recover_${which}`] as Recovered;
      const restoreMs = context.results[`restore_${which}`] as number;
      const checkMs = elapsed(context);
      return onProven({ ...order, reached: end, restoreMs, recoverMs: tookMs, checkMs, databases });
    });
  }

  private async ran(
    context: Context,
    order: JobOrder,
    onSuccess: (result: JobResult) => Outcome | Promise<Outcome>,
  ): Promise<Outcome> {
    const ran = await driveJob(context, () => order);
    if (ran instanceof Failure) return ran.outcome;
    return ran instanceof Outcome ? ran : onSuccess(ran);
  }

  private succeeded({ input, operationId }: Context, restores: ProvenRestores): Outcome {
    const { clusterId, stanza, requestedBy: correlationId } = input;
    return done(restores).with((tx) =>
      this.outbox.publish(
        tx,
        clusterProofSucceeded,
        clusterId,
        { clusterId, stanza, restores },
        { correlationId, causationId: operationId },
      ),
    );
  }

  private async failed(
    context: OperationContext<ProofInput>,
    why: { cause: string; remedy: string; step: string },
    tx: EntityManager,
  ): Promise<void> {
    const { clusterId, stanza, requestedBy: correlationId } = context.input;
    await this.outbox.publish(
      tx,
      clusterProofFailed,
      clusterId,
      { clusterId, stanza, ...why },
      { correlationId, causationId: context.operationId },
    );
    await this.removeMachine(context, tx);
  }

  private async removeMachine(context: OperationContext<ProofInput>, tx: EntityManager): Promise<void> {
    const input = { machine: machineOf(context) };
    await this.operations.start(tx, { kind: RemoveProofMachine.kind, clusterId: null, input });
  }

  /** The cluster's own parts, with the proof's machine in place of the cluster's. */
  private async site(context: Context): Promise<RestoreSite> {
    const { clusterId } = context.input;
    const parts = await this.rows.partsOf(this.database.manager, clusterId);
    const { address, hostKey } = context.results.boot_machine as ProofMachine;
    const name = machineOf(context);
    const row = { name, clusterId, kind: 'node' as const, address, hostKey };
    const machine = this.database.manager.create(MachineEntity, row);
    return {
      parts: { ...parts, machines: [machine] },
      node: name,
      operationId: context.operationId,
      statements: '/dev/null',
    };
  }
}

/** Named after the operation, so that another proof of the cluster never gets a machine that is being removed. */
const machineOf = ({ operationId }: OperationContext<unknown>): string => `proof-${operationId.slice(-12)}`;

const orderOf = ({ input }: Context, which: Which): RestoreToProve => {
  const order = input.restores[which];
  if (!order) throw new Error(`a proof without a restore to ${which}`);
  return order;
};

const told = 10;
const inWords = (faults: string[]): string =>
  faults.slice(0, told).join('; ') + (faults.length > told ? `; and ${faults.length - told} more` : '');

const elapsed = ({ stepStartedAt }: Context): number => Date.now() - stepStartedAt.getTime();
