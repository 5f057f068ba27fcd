import type { Job } from '@pgfleet/contracts';
import type { EntityManager } from 'typeorm';
import type { z } from 'zod';

/** What happens in the transaction that commits a step: all of it and the step's end, or nothing. */
export type Effect = (tx: EntityManager) => Promise<unknown>;

type JobKey = 'id' | 'operationId' | 'step';
type WithoutKey<J> = J extends unknown ? Omit<J, JobKey> : never;
/** A job as a step orders it; which operation and step it is for is filled in. */
export type JobOrder = WithoutKey<z.input<typeof Job>>;

export type Move =
  | { readonly kind: 'next'; readonly result: unknown }
  | { readonly kind: 'goto'; readonly step: string; readonly result: unknown }
  | { readonly kind: 'wait'; readonly signal: string; readonly withinMs: number }
  | { readonly kind: 'again'; readonly afterMs: number }
  | { readonly kind: 'done'; readonly result: unknown }
  | { readonly kind: 'fail'; readonly cause: string; readonly remedy: string }
  | { readonly kind: 'job'; readonly order: JobOrder };

/** What a step returns: where the operation goes from here. */
export class Outcome {
  constructor(
    readonly move: Move,
    readonly effects: readonly Effect[] = [],
  ) {}

  /** Adds an effect to the transaction that commits this outcome. */
  with(effect: Effect): Outcome {
    return new Outcome(this.move, [...this.effects, effect]);
  }
}

/** The step is done, the next one begins; after the last step the operation has succeeded. */
export const next = (result: unknown = null): Outcome => new Outcome({ kind: 'next', result });

/** The step is done and another one than the next begins. Going back lets that step and those after it run anew. */
export const goto = (step: string, result: unknown = null): Outcome =>
  new Outcome({ kind: 'goto', step, result });

/**
 * This step runs again when the signal comes, or with `expired` when it has not come within `withinMs`. A signal that this run of
 * the step could already see does not count: look at `ctx.signal(name)` first.
 */
export const wait = (signal: string, withinMs: number): Outcome =>
  new Outcome({ kind: 'wait', signal, withinMs });

/** This step runs again after `afterMs`; that is no failed attempt. */
export const again = (afterMs: number): Outcome => new Outcome({ kind: 'again', afterMs });

/** The operation has succeeded; steps that were not reached stay pending. */
export const done = (result: unknown = null): Outcome => new Outcome({ kind: 'done', result });

/** The operation has failed at this step, without further attempts. */
export const fail = (cause: string, remedy: string): Outcome => new Outcome({ kind: 'fail', cause, remedy });

/**
 * Orders a job of the ansible-runner in the commit, and waits for its end: this step then runs again and finds the `JobResult` as
 * `ctx.signal('job')`, or `ctx.expired` when there is none 60 s after the job's deadline. A job that nobody waits for any more (the
 * step failed, the operation was cancelled, another job was ordered) is cancelled.
 */
export const runJob = (order: JobOrder): Outcome => new Outcome({ kind: 'job', order });
