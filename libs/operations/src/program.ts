import type { OperationError, StepData } from '@pgfleet/contracts';
import type { EntityManager } from 'typeorm';

/** An operation as its program sees it. */
export interface OperationContext<Input> {
  readonly operationId: string;
  readonly clusterId: string | null;
  readonly input: Input;
  readonly step: string;
  /** `operationId/step`: the key under which a step makes something outside, so that doing it twice makes it once. */
  readonly key: string;
  /** Which start of the step this is, counted from 1: it grows when an attempt failed or its process died. */
  readonly attempt: number;
  /** What earlier steps gave, by step. */
  readonly results: Readonly<Record<string, unknown>>;
}

export interface StepContext<Input> extends OperationContext<Input> {
  /** The last payload that was signalled under the name. What a step has looked at is gone when that step ends. */
  signal<T>(name: string): T | undefined;
  /** The signal that this step waited for has not come in time. */
  readonly expired: boolean;
  /** When the step began, first attempt; also over `again` and `wait`. */
  readonly stepStartedAt: Date;
  /** Aborted when the lease is lost, the operation is cancelled or the process stops: go no further. */
  readonly abort: AbortSignal;
  /** Adds a line to the operation's log. */
  note(line: string): Promise<void>;
  /** Shows something in the step, for whoever reads the operation. */
  show(data: StepData): Promise<void>;
}

/**
 * A kind of operation: its steps in order, and one method per step, named like it, `(ctx: StepContext<Input>) => Promise<Outcome>`.
 * A step is short and can be run again at any time: after a crash it is. Programs are providers of the service's own module.
 */
export abstract class Program<Input = unknown> {
  /** E.g. `cluster.create`. */
  abstract readonly kind: string;
  abstract readonly steps: readonly string[];
  /** How often a step is tried before the operation fails. */
  readonly attempts: number = 5;

  /** Milliseconds before the next attempt after `failures` failed ones: 1 s, 3 s, 9 s, 27 s, then 30 s. */
  backoffMs(failures: number): number {
    return Math.min(30_000, 1_000 * 3 ** (failures - 1));
  }

  /** Runs in the transaction that ends the operation as failed. */
  onFailed?(context: OperationContext<Input>, error: OperationError, tx: EntityManager): Promise<unknown>;
  /** Runs in the transaction that ends the operation as cancelled. */
  onCancelled?(context: OperationContext<Input>, tx: EntityManager): Promise<unknown>;
  /** Runs in the transaction in which a failed operation goes on, at the step that failed. */
  onRetried?(context: OperationContext<Input>, tx: EntityManager): Promise<unknown>;
  /** Runs in the transaction that ends the operation as succeeded. */
  onDone?(context: OperationContext<Input>, tx: EntityManager): Promise<unknown>;
}

/** Thrown by a step that cannot succeed however often it is tried: the operation fails at once, with cause and remedy. */
export class StepFailure extends Error {
  constructor(
    override readonly cause: string,
    readonly remedy: string,
  ) {
    super(cause);
    this.name = 'StepFailure';
  }
}

/** Thrown by a step whose job failed for a reason that may pass by itself: the next attempt orders the job anew. */
export class JobAgain extends Error {
  constructor(
    message: string,
    readonly remedy: string,
  ) {
    super(message);
    this.name = 'JobAgain';
  }
}
