import { Injectable } from '@nestjs/common';
import {
  hasEnded,
  Job,
  jobSubject,
  newId,
  type OperationError,
  operationStepSucceeded,
} from '@pgfleet/contracts';
import { Outbox } from '@pgfleet/messaging';
import { rows } from '@pgfleet/persistence';
import type { EntityManager } from 'typeorm';
import { Announcer } from './announcer';
import type { Claim } from './claim';
import { cancelJob } from './job-cancellation';
import { about, OperationEnd } from './operation-end';
import type { OperationRow } from './operation-row';
import { OperationStore } from './operation-store';
import type { Effect, JobOrder, Move, Outcome } from './outcome';
import type { Program } from './program';
import { contextOf, type StepRun } from './step-context';

/** Another process has claimed the step since: what this one did must not count. */
export class ClaimLost extends Error {
  constructor(row: OperationRow) {
    super(`Step '${row.step}' of ${row.id} was taken over by another process`);
    this.name = 'ClaimLost';
  }
}

/** An outcome that is not the end by failure. */
export type Progress = Outcome & { readonly move: Exclude<Move, { kind: 'fail' }> };

const jobSignal = 'job';
const jobGraceMs = 60_000;

/** Commits what a run of a step gave, if its claim still stands. */
@Injectable()
export class StepCommit {
  constructor(
    private readonly store: OperationStore,
    private readonly outbox: Outbox,
    private readonly announcer: Announcer,
    private readonly end: OperationEnd,
  ) {}

  /** One transaction: the outcome's effects, the new state, the next message, the events. */
  async commit(claim: Claim, program: Program, run: StepRun, outcome: Progress): Promise<void> {
    await this.store.dataSource.transaction(async (tx) => {
      const row = await this.lockClaimed(tx, claim);
      for (const effect of outcome.effects) await effect(tx);
      const { move } = outcome;
      if (move.kind === 'done' || (move.kind === 'next' && row.step === program.steps.at(-1))) {
        await this.endStep(tx, row, claim, run, move.result);
        const after = { ...row, job_id: null };
        const result = move.kind === 'done' ? move.result : null;
        await this.end.succeed(
          tx,
          after,
          program,
          contextOf(row, await this.store.steps(row.id, tx)),
          result,
        );
        return;
      }
      if (move.kind === 'next' || move.kind === 'goto') {
        const target = move.kind === 'goto' ? move.step : program.steps[program.steps.indexOf(row.step) + 1];
        await this.endStep(tx, row, claim, run, move.result);
        if (row.cancel_requested) {
          await this.end.cancel(tx, { ...row, job_id: null }, program, run.context);
          return;
        }
        await this.enter(tx, row, program, target);
      } else if (row.cancel_requested) {
        await this.end.cancel(tx, row, program, run.context);
      } else if (move.kind === 'again') {
        await this.stay(tx, row, null, row.job_id);
        await this.announcer.nextTurn(tx, row.id, move.afterMs);
      } else if (move.kind === 'wait') {
        await this.wait(tx, row, run, move.signal, move.withinMs, row.job_id);
      } else {
        const jobId = await this.order(tx, row, move.order);
        await this.wait(tx, row, run, jobSignal, move.order.deadlineSeconds * 1000 + jobGraceMs, jobId);
      }
    });
  }

  /** After a failed attempt: the next one is due after `delayMs`. With `forgetJob` it does not see what the last job ended with. */
  async tryAgain(claim: Claim, delayMs: number, forgetJob = false): Promise<void> {
    await this.store.dataSource.transaction(async (tx) => {
      const row = await this.lockClaimed(tx, claim);
      await this.stay(tx, row, forgetJob ? null : row.waiting_for, row.job_id);
      if (forgetJob) await this.forgetJob(tx, row);
      await tx.query('UPDATE operation SET begun = false, failures = failures + 1 WHERE id = $1', [row.id]);
      await this.announcer.nextTurn(tx, row.id, delayMs);
    });
  }

  /** The operation ends as failed, with the effects and the hook of its program. */
  async fail(
    claim: Claim,
    error: OperationError,
    hook?: { program: Program; run: StepRun },
    effects: readonly Effect[] = [],
  ): Promise<void> {
    await this.store.dataSource.transaction(async (tx) => {
      const row = await this.lockClaimed(tx, claim);
      for (const effect of effects) await effect(tx);
      const context = hook && { program: hook.program, context: hook.run.context };
      await this.end.fail(tx, row, error, context);
    });
  }

  /** After a run that was aborted because the operation is to be cancelled. */
  async cancel(claim: Claim, program: Program, run: StepRun): Promise<void> {
    await this.store.dataSource.transaction(async (tx) => {
      await this.end.cancel(tx, await this.lockClaimed(tx, claim), program, run.context);
    });
  }

  private async lockClaimed(tx: EntityManager, claim: Claim): Promise<OperationRow> {
    const row = await this.store.lock(tx, claim.row.id);
    if (!row || hasEnded(row) || row.fence !== claim.row.fence) throw new ClaimLost(claim.row);
    return row;
  }

  private async endStep(
    tx: EntityManager,
    row: OperationRow,
    claim: Claim,
    run: StepRun,
    result: unknown,
  ): Promise<void> {
    await this.end.endStep(tx, row, 'succeeded', result);
    await tx.query('DELETE FROM operation_signal WHERE operation_id = $1 AND seq = ANY($2)', [
      row.id,
      run.consumed,
    ]);
    if (row.job_id) await cancelJob(tx, this.outbox, row.job_id, row.id);
    const { attempt, stepStartedAt } = run.context;
    const durationMs = Math.max(0, Date.now() - stepStartedAt.getTime());
    const data = { ...about(row), step: claim.row.step, attempt, durationMs };
    await this.outbox.publish(tx, operationStepSucceeded, row.id, data, { correlationId: row.id });
  }

  private async enter(
    tx: EntityManager,
    row: OperationRow,
    program: Program,
    step: string | undefined,
  ): Promise<void> {
    if (step === undefined || !program.steps.includes(step)) {
      throw new Error(`Operations of kind ${program.kind} have no step '${step}'`);
    }
    await tx.query(
      `UPDATE operation SET step = $2, begun = false, failures = 0, takeovers = 0, waiting_for = NULL, job_id = NULL,
         owner = NULL, lease_until = NULL WHERE id = $1`,
      [row.id, step],
    );
    await tx.query(
      `UPDATE operation_step SET state = 'pending', started_at = NULL, ended_at = NULL
       WHERE operation_id = $1 AND position >= $2 AND state <> 'pending'`,
      [row.id, program.steps.indexOf(step)],
    );
    await this.announcer.nextTurn(tx, row.id);
  }

  private async stay(
    tx: EntityManager,
    row: OperationRow,
    waitingFor: string | null,
    jobId: string | null,
  ): Promise<void> {
    await tx.query(
      'UPDATE operation SET waiting_for = $2, job_id = $3, owner = NULL, lease_until = NULL WHERE id = $1',
      [row.id, waitingFor, jobId],
    );
  }

  private async wait(
    tx: EntityManager,
    row: OperationRow,
    run: StepRun,
    signal: string,
    withinMs: number,
    jobId: string | null,
  ): Promise<void> {
    await tx.query('DELETE FROM operation_signal WHERE operation_id = $1 AND name = $2 AND seq = $3', [
      row.id,
      signal,
      run.seen(signal),
    ]);
    const newer = await rows(tx, 'SELECT 1 FROM operation_signal WHERE operation_id = $1 AND name = $2', [
      row.id,
      signal,
    ]);
    const came = newer.length > 0;
    await this.stay(tx, row, came ? null : signal, jobId);
    await this.announcer.nextTurn(tx, row.id, came ? 0 : withinMs);
  }

  private async order(tx: EntityManager, row: OperationRow, order: JobOrder): Promise<string> {
    if (row.job_id) await cancelJob(tx, this.outbox, row.job_id, row.id);
    const job = Job.parse({ ...order, id: newId('job'), operationId: row.id, step: row.step });
    await this.outbox.send(tx, jobSubject(job), job, { id: job.id });
    await this.forgetJob(tx, row);
    return job.id;
  }

  private async forgetJob(tx: EntityManager, row: OperationRow): Promise<void> {
    await tx.query('DELETE FROM operation_signal WHERE operation_id = $1 AND name = $2', [row.id, jobSignal]);
  }
}
