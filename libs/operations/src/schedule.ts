import { Injectable } from '@nestjs/common';
import type { OperationError } from '@pgfleet/contracts';
import { RetryLater } from '@pgfleet/messaging';
import { rows } from '@pgfleet/persistence';
import { type EntityManager, QueryFailedError } from 'typeorm';
import { Announcer } from './announcer';
import { OperationEnd } from './operation-end';
import type { OperationRow } from './operation-row';
import { OperationStore } from './operation-store';
import { Programs } from './programs';
import { contextOf } from './step-context';

/** How often an operation that is due looks whether its cluster is free. */
const lookEveryMs = 1_000;
/** How long after its time an operation still begins when another one is changing its cluster. */
const patienceMinutes = 15;

/** Operations that were scheduled and have not begun: begins those that are due, cancels those that are not wanted any more. */
@Injectable()
export class Schedule {
  constructor(
    private readonly store: OperationStore,
    private readonly announcer: Announcer,
    private readonly end: OperationEnd,
    private readonly programs: Programs,
  ) {}

  /** For a due operation, whose row is locked: it becomes pending, or waits for the one that is changing its cluster, or fails. */
  async begin(tx: EntityManager, row: OperationRow): Promise<void> {
    const busy = row.cluster_id === null ? null : await this.store.activeOf(tx, row.cluster_id);
    if (!busy) {
      await becomePending(tx, row);
      await this.announcer.nextTurn(tx, row.id);
    } else if (isLate(row)) {
      const program = this.programs.find(row.kind);
      const hook = program && { program, context: contextOf(row, await this.store.steps(row.id, tx)) };
      await this.end.failAnyway(tx, row, neverFree(row, busy), hook);
    } else {
      await this.announcer.nextTurn(tx, row.id, lookEveryMs);
    }
  }

  /** Ends a scheduled operation, whose row is locked. */
  async cancel(tx: EntityManager, row: OperationRow): Promise<void> {
    // Nobody needs to keep it until then.
    await this.announcer.withdraw(tx, row);
    const context = contextOf(row, await this.store.steps(row.id, tx));
    await this.end.cancel(tx, row, this.programs.find(row.kind), context);
  }

  async cancelAll(tx: EntityManager, clusterId: string): Promise<void> {
    const scheduled = await rows<OperationRow>(
      tx,
      `SELECT * FROM operation WHERE cluster_id = $1 AND state = 'scheduled' ORDER BY id FOR UPDATE`,
      [clusterId],
    );
    for (const row of scheduled) await this.cancel(tx, row);
  }

  /** Those of a cluster, or of one kind, the next one first. */
  async of(tx: EntityManager, clusterId: string, kind?: string): Promise<string[]> {
    const scheduled = await rows<{ id: string }>(
      tx,
      `SELECT id FROM operation WHERE cluster_id = $1 AND state = 'scheduled' AND ($2::text IS NULL OR kind = $2)
       ORDER BY not_before, id`,
      [clusterId, kind ?? null],
    );
    return scheduled.map(({ id }) => id);
  }
}

const becomePending = async (tx: EntityManager, { id }: OperationRow): Promise<void> => {
  try {
    await tx.query(`UPDATE operation SET state = 'pending' WHERE id = $1`, [id]);
  } catch (error) {
    // Another one was started between our look and this. The transaction is lost, so the same message has to come again.
    if (isClusterTaken(error)) throw new RetryLater(lookEveryMs);
    throw error;
  }
};

const isClusterTaken = (error: unknown): boolean =>
  error instanceof QueryFailedError &&
  (error.driverError as { constraint?: string }).constraint === 'operation_one_per_cluster';

const isLate = ({ not_before }: OperationRow): boolean =>
  Date.now() - not_before!.getTime() > patienceMinutes * 60_000;

const neverFree = (row: OperationRow, busy: OperationRow): OperationError => ({
  step: row.step,
  cause: `${busy.kind} ${busy.id} was still changing the cluster ${patienceMinutes} minutes after this operation was to begin; it is at step '${busy.step}'`,
  remedy: `Wait until ${busy.id} has ended, or cancel it. Then retry this operation: it begins at once.`,
});
