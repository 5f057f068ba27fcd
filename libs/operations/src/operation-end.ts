import { Injectable } from '@nestjs/common';
import {
  operationCancelled,
  type OperationError,
  operationFailed,
  operationSucceeded,
} from '@pgfleet/contracts';
import { Outbox } from '@pgfleet/messaging';
import { isDatabaseGone } from '@pgfleet/persistence';
import type { EntityManager } from 'typeorm';
import { cancelJob } from './job-cancellation';
import type { OperationRow } from './operation-row';
import type { OperationContext, Program } from './program';

type Context = OperationContext<unknown>;

/** The three ways in which an operation ends: rows, hook and event, in the caller's transaction. */
@Injectable()
export class OperationEnd {
  constructor(private readonly outbox: Outbox) {}

  async succeed(
    tx: EntityManager,
    row: OperationRow,
    program: Program,
    context: Context,
    result: unknown,
  ): Promise<void> {
    await this.close(tx, row, 'succeeded', { result });
    await program.onDone?.(context, tx);
    const durationMs = Math.max(0, Date.now() - (row.not_before ?? row.created_at).getTime());
    await this.publish(tx, row, operationSucceeded, { ...about(row), durationMs });
  }

  async fail(
    tx: EntityManager,
    row: OperationRow,
    error: OperationError,
    hook?: { program: Program; context: Context },
  ): Promise<void> {
    await this.endStep(tx, row, 'failed');
    await this.close(tx, row, 'failed', { error });
    await hook?.program.onFailed?.(hook.context, error, tx);
    await this.publish(tx, row, operationFailed, { ...about(row), error });
  }

  /** As `fail`, and also when the hook throws: what it did is then taken back, and that it threw is part of the cause. */
  async failAnyway(
    tx: EntityManager,
    row: OperationRow,
    error: OperationError,
    hook?: { program: Program; context: Context },
  ): Promise<void> {
    await tx.query('SAVEPOINT before_the_end');
    try {
      await this.fail(tx, row, error, hook);
    } catch (hookError) {
      if (isDatabaseGone(hookError)) throw hookError;
      await tx.query('ROLLBACK TO SAVEPOINT before_the_end');
      await this.fail(tx, row, alsoFailed(error, hookError));
    }
  }

  async cancel(
    tx: EntityManager,
    row: OperationRow,
    program: Program | undefined,
    context: Context,
  ): Promise<void> {
    await this.close(tx, row, 'cancelled', {});
    await program?.onCancelled?.(context, tx);
    await this.publish(tx, row, operationCancelled, { ...about(row), step: row.step });
  }

  async endStep(
    tx: EntityManager,
    row: OperationRow,
    state: 'succeeded' | 'failed',
    result: unknown = null,
  ): Promise<void> {
    await tx.query(
      `UPDATE operation_step SET state = $3, ended_at = clock_timestamp(), result = $4 WHERE operation_id = $1 AND name = $2`,
      [row.id, row.step, state, JSON.stringify(result ?? null)],
    );
  }

  private async close(
    tx: EntityManager,
    row: OperationRow,
    state: 'succeeded' | 'failed' | 'cancelled',
    { error = null, result = null }: { error?: OperationError | null; result?: unknown },
  ): Promise<void> {
    await tx.query(
      `UPDATE operation SET state = $2, error = $3, result = $4, owner = NULL, lease_until = NULL, waiting_for = NULL,
         job_id = NULL, turn = turn + 1, ended_at = clock_timestamp(), updated_at = clock_timestamp()
       WHERE id = $1`,
      [row.id, state, error && JSON.stringify(error), JSON.stringify(result ?? null)],
    );
    await tx.query('DELETE FROM operation_signal WHERE operation_id = $1', [row.id]);
    if (row.job_id) await cancelJob(tx, this.outbox, row.job_id, row.id);
  }

  private async publish<E extends Parameters<Outbox['publish']>[1]>(
    tx: EntityManager,
    row: OperationRow,
    contract: E,
    data: Parameters<typeof this.outbox.publish<E>>[3],
  ): Promise<void> {
    await this.outbox.publish(tx, contract, row.id, data, { correlationId: row.id });
  }
}

/** A failure, and that of what was to follow it. */
export const alsoFailed = (error: OperationError, hookError: unknown): OperationError => {
  const also = hookError instanceof Error ? hookError.message : String(hookError);
  return { ...error, cause: `${error.cause} (what follows the failure failed too: ${also})` };
};

export const about = (row: OperationRow) => ({
  operationId: row.id,
  kind: row.kind,
  clusterId: row.cluster_id,
});
