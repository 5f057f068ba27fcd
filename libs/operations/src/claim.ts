import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { hasEnded, operationStepStarted, type StepData } from '@pgfleet/contracts';
import { Outbox, RetryLater } from '@pgfleet/messaging';
import { rows } from '@pgfleet/persistence';
import type { EntityManager } from 'typeorm';
import type { StepMessage } from './announcer';
import { about, OperationEnd } from './operation-end';
import type { OperationRow, SignalRow, StepRow } from './operation-row';
import { OperationStore } from './operation-store';
import { Programs } from './programs';
import { Schedule } from './schedule';
import { contextOf } from './step-context';

/**
 * How long a claim lasts when it is not renewed: less than the ten seconds after which JetStream delivers a silent step's message
 * again, so that it can be claimed then.
 */
export const leaseMs = 9_000;
/** Runs of a step that may end without a word before the operation fails, instead of taking process after process with it. */
const maxTakeovers = 20;
/** JavaScript's dates are cut to milliseconds. */
const clockSlackMs = 50;

/** The right to run one step of an operation: only who holds the newest fence may commit. */
export interface Claim {
  readonly row: OperationRow;
  readonly steps: readonly StepRow[];
  readonly signals: readonly SignalRow[];
}

interface Locked extends OperationRow {
  readonly lease_left_ms: number | null;
  readonly due_in_ms: number;
}

@Injectable()
export class Claims {
  /** This process, as the owner of claims. */
  private readonly owner = randomUUID();

  constructor(
    private readonly store: OperationStore,
    private readonly outbox: Outbox,
    private readonly end: OperationEnd,
    private readonly programs: Programs,
    private readonly schedule: Schedule,
  ) {}

  /**
   * Claims the step that the message is for. Null when there is nothing to run: the message is stale, the operation ended now, or its
   * time has come only now.
   */
  claim(message: StepMessage): Promise<Claim | null> {
    return this.store.dataSource.transaction(async (tx) => {
      const row = await lock(tx, message.operationId);
      if (!row || hasEnded(row) || row.turn !== message.turn) return null;
      const mine = row.owner === this.owner;
      if (!mine && row.lease_left_ms !== null && row.lease_left_ms > 0) {
        throw new RetryLater(row.lease_left_ms + clockSlackMs);
      }
      if (row.due_in_ms > clockSlackMs) throw new RetryLater(row.due_in_ms);
      if (row.state === 'scheduled') {
        await this.schedule.begin(tx, row);
        return null;
      }
      const steps = await this.store.steps(row.id, tx);
      const program = this.programs.find(row.kind);
      if (row.cancel_requested) {
        await this.end.cancel(tx, row, program, contextOf(row, steps));
        return null;
      }
      // A lease that stands but is not ours ran out: its owner died or froze.
      const crashed = row.lease_until !== null && !mine;
      if (crashed && row.takeovers >= maxTakeovers) {
        const hook = program && { program, context: contextOf(row, steps) };
        await this.end.failAnyway(tx, row, tooManyTakeovers(row), hook);
        return null;
      }
      return this.take(tx, row, crashed);
    });
  }

  /** Lengthens the lease. Null when it is lost, or was given up with a commit a moment ago; else whether the operation is to be cancelled. */
  async renew(row: OperationRow): Promise<{ cancelRequested: boolean } | null> {
    const [renewed] = await rows<{ cancel_requested: boolean }>(
      this.store.dataSource,
      `UPDATE operation SET lease_until = clock_timestamp() + ${leaseMs} * interval '1 millisecond'
       WHERE id = $1 AND fence = $2 AND owner = $3 RETURNING cancel_requested`,
      [row.id, row.fence, this.owner],
    );
    return renewed ? { cancelRequested: renewed.cancel_requested } : null;
  }

  /** Stores what the claimed step shows; nothing when the claim was lost. */
  async show(row: OperationRow, data: StepData): Promise<void> {
    await this.store.dataSource.query(
      `UPDATE operation_step SET data = $3 WHERE operation_id = $1 AND name = $4
         AND EXISTS (SELECT FROM operation WHERE id = $1 AND fence = $2)`,
      [row.id, row.fence, JSON.stringify(data), row.step],
    );
  }

  /** Gives the claim back unused, so that another process can take it at once. */
  async release(row: OperationRow): Promise<void> {
    await this.store.dataSource.query(
      'UPDATE operation SET owner = NULL, lease_until = NULL WHERE id = $1 AND fence = $2',
      [row.id, row.fence],
    );
  }

  private async take(tx: EntityManager, row: OperationRow, crashed: boolean): Promise<Claim> {
    const begins = !row.begun || crashed;
    const [taken] = await rows<OperationRow>(
      tx,
      `UPDATE operation SET fence = fence + 1, owner = $2, lease_until = clock_timestamp() + ${leaseMs} * interval '1 millisecond',
         state = 'running', begun = true, takeovers = takeovers + $3, updated_at = clock_timestamp()
       WHERE id = $1 RETURNING *`,
      [row.id, this.owner, crashed ? 1 : 0],
    );
    if (begins) {
      const [step] = await rows<StepRow>(
        tx,
        `UPDATE operation_step SET state = 'running', attempt = attempt + 1, ended_at = NULL,
           started_at = COALESCE(started_at, clock_timestamp())
         WHERE operation_id = $1 AND name = $2 RETURNING *`,
        [row.id, row.step],
      );
      const data = { ...about(row), step: row.step, attempt: step!.attempt };
      await this.outbox.publish(tx, operationStepStarted, row.id, data, { correlationId: row.id });
    }
    return {
      row: taken!,
      steps: await this.store.steps(row.id, tx),
      signals: await this.store.signals(tx, row.id),
    };
  }
}

const lock = async (tx: EntityManager, id: string): Promise<Locked | undefined> => {
  const [row] = await rows<Locked>(
    tx,
    `SELECT *, extract(epoch FROM lease_until - clock_timestamp())::float8 * 1000 AS lease_left_ms,
       extract(epoch FROM due_at - clock_timestamp())::float8 * 1000 AS due_in_ms
     FROM operation WHERE id = $1 FOR UPDATE`,
    [id],
  );
  return row;
};

const tooManyTakeovers = (row: OperationRow) => ({
  step: row.step,
  cause: `The process that ran step '${row.step}' died or froze ${maxTakeovers + 1} times`,
  remedy: 'Look in the logs of the service for what ended it, mend that, then retry the operation.',
});
