import { Injectable } from '@nestjs/common';
import {
  conflict,
  hasEnded,
  type Idempotency as IdempotencyKey,
  type ListOperationsQuery,
  newId,
  type Operation,
  operationCreated,
  operationInProgress,
  operationRetried,
  operationSucceeded,
  ProblemError,
} from '@pgfleet/contracts';
import { Outbox } from '@pgfleet/messaging';
import { rows } from '@pgfleet/persistence';
import type { EntityManager } from 'typeorm';
import { Announcer } from './announcer';
import { Idempotency } from './idempotency';
import { about } from './operation-end';
import type { OperationRow } from './operation-row';
import { OperationStore } from './operation-store';
import { Programs } from './programs';
import { Schedule } from './schedule';
import { contextOf } from './step-context';

export interface StartOperation {
  readonly kind: string;
  readonly clusterId: string | null;
  readonly input: unknown;
  /** Makes the start itself idempotent, for callers that change nothing else. */
  readonly idempotency?: IdempotencyKey;
  /** It is scheduled: begins then, and does not keep others from changing the cluster before. */
  readonly notBefore?: Date;
}

export interface CompletedOperation {
  readonly kind: string;
  readonly clusterId: string | null;
  readonly input: unknown;
  /** The one step that it had. */
  readonly step: string;
}

/** Starts operations and tells them things. What takes a `tx` happens with that transaction, or not at all. */
@Injectable()
export class Operations {
  constructor(
    private readonly store: OperationStore,
    private readonly outbox: Outbox,
    private readonly announcer: Announcer,
    private readonly programs: Programs,
    private readonly schedule: Schedule,
    private readonly idempotency: Idempotency,
  ) {}

  /**
   * Starts an operation; it runs once the transaction is committed. 409 naming the one that is changing the cluster already; but one
   * that is scheduled waits for it, for 15 minutes when its time has come.
   */
  start(tx: EntityManager, order: StartOperation): Promise<Operation> {
    return this.idempotency.once(tx, order.idempotency ?? null, `start ${order.kind}`, async () => {
      const { steps } = this.programs.get(order.kind);
      const { notBefore } = order;
      const id = await this.insert(tx, order, notBefore ? 'scheduled' : 'pending', steps);
      await this.announcer.nextTurn(tx, id, notBefore && Math.max(0, notBefore.getTime() - Date.now()));
      return (await this.store.find(id, tx))!;
    });
  }

  /** Writes down an operation that was done within this transaction, so that every change has one. 409 as with `start`. */
  async completed(tx: EntityManager, order: CompletedOperation): Promise<Operation> {
    const busy = order.clusterId && (await this.store.activeOf(tx, order.clusterId));
    if (busy) throw inProgress(busy);
    const id = await this.insert(tx, order, 'succeeded', [order.step]);
    await tx.query(
      `UPDATE operation_step SET state = 'succeeded', attempt = 1, started_at = now(), ended_at = now() WHERE operation_id = $1`,
      [id],
    );
    const data = { operationId: id, kind: order.kind, clusterId: order.clusterId, durationMs: 0 };
    await this.outbox.publish(tx, operationSucceeded, id, data, { correlationId: id });
    return (await this.store.find(id, tx))!;
  }

  /** Tells an operation something. Kept until a step looks at it; of two under one name the later counts. False for an ended one. */
  async signal(tx: EntityManager, operationId: string, name: string, payload: unknown): Promise<boolean> {
    const row = await this.store.lock(tx, operationId);
    if (!row || hasEnded(row)) return false;
    await tx.query('DELETE FROM operation_signal WHERE operation_id = $1 AND name = $2', [operationId, name]);
    await tx.query('INSERT INTO operation_signal (operation_id, name, payload) VALUES ($1, $2, $3)', [
      operationId,
      name,
      JSON.stringify(payload ?? null),
    ]);
    // While a run has the step, its commit sees the signal; else nobody does until it is woken.
    if (row.waiting_for === name && row.lease_until === null) {
      await tx.query('UPDATE operation SET waiting_for = NULL WHERE id = $1', [operationId]);
      await this.announcer.nextTurn(tx, operationId);
    }
    return true;
  }

  /** Tells an operation that the job it waits for has ended. The end of any other job says nothing to it. */
  async jobFinished(tx: EntityManager, operationId: string, jobId: string, result: unknown): Promise<void> {
    const row = await this.store.lock(tx, operationId);
    if (row?.job_id !== jobId) return;
    await tx.query('UPDATE operation SET job_id = NULL WHERE id = $1', [operationId]);
    await this.signal(tx, operationId, 'job', result);
  }

  /** Null when this service does not own it. */
  get(operationId: string, tx?: EntityManager): Promise<Operation | null> {
    return this.store.find(operationId, tx);
  }

  /** Which operation is changing each of the clusters now; a cluster that none is changing is not in it. */
  async active(tx: EntityManager, clusterIds: readonly string[]): Promise<Map<string, string>> {
    const active = await rows<{ cluster_id: string; id: string }>(
      tx,
      `SELECT cluster_id, id FROM operation WHERE cluster_id = ANY($1) AND state IN ('pending', 'running')`,
      [clusterIds],
    );
    return new Map(active.map((row) => [row.cluster_id, row.id]));
  }

  /**
   * Locks the operations that are changing the clusters now. A step's commit locks its operation first and what it changes after that:
   * whoever may signal an operation while it holds such rows takes the operation first, too.
   */
  async lockActive(tx: EntityManager, clusterIds: readonly string[]): Promise<void> {
    await tx.query(
      `SELECT FROM operation WHERE cluster_id = ANY($1) AND state IN ('pending', 'running') ORDER BY id FOR UPDATE`,
      [clusterIds],
    );
  }

  /** The operations of a cluster that are scheduled and have not begun, all or of one kind; the next one first. */
  scheduledOf(tx: EntityManager, clusterId: string, kind?: string): Promise<string[]> {
    return this.schedule.of(tx, clusterId, kind);
  }

  /**
   * Cancels the operations of a cluster that are scheduled and have not begun. Locks them: to be called before rows are locked that
   * their hooks change, and before another operation is started for the cluster.
   */
  cancelScheduled(tx: EntityManager, clusterId: string): Promise<void> {
    return this.schedule.cancelAll(tx, clusterId);
  }

  /** Newest first. */
  list(query: ListOperationsQuery): Promise<{ items: Operation[]; next: string | null }> {
    return this.store.list(query);
  }

  /** A failed operation goes on from the step that failed. 409 when it has not failed, or the cluster has another now. */
  async retry(tx: EntityManager, operationId: string): Promise<Operation | null> {
    const row = await this.store.lock(tx, operationId);
    if (!row) return null;
    if (row.state !== 'failed') {
      throw conflict(`The operation is ${row.state}; only one that has failed can be retried`);
    }
    const busy = row.cluster_id && (await this.store.activeOf(tx, row.cluster_id));
    if (busy) throw inProgress(busy);
    await tx.query(
      `UPDATE operation SET state = 'running', error = NULL, begun = false, failures = 0, takeovers = 0,
         cancel_requested = false, ended_at = NULL WHERE id = $1`,
      [operationId],
    );
    await tx.query(
      `UPDATE operation_step SET state = 'pending', started_at = NULL, ended_at = NULL WHERE operation_id = $1 AND name = $2`,
      [operationId, row.step],
    );
    await this.announcer.nextTurn(tx, operationId);
    await this.programs
      .find(row.kind)
      ?.onRetried?.(contextOf(row, await this.store.steps(operationId, tx)), tx);
    const data = { ...about(row), step: row.step };
    await this.outbox.publish(tx, operationRetried, operationId, data, { correlationId: operationId });
    return this.store.find(operationId, tx);
  }

  /**
   * Ends an operation before its next step, and the job that it waits for; one that is scheduled ends with this transaction. 409 when
   * it has ended already.
   */
  async cancel(tx: EntityManager, operationId: string): Promise<Operation | null> {
    const row = await this.store.lock(tx, operationId);
    if (!row) return null;
    if (hasEnded(row)) throw conflict(`The operation is ${row.state} already`);
    if (row.state === 'scheduled') {
      await this.schedule.cancel(tx, row);
      return this.store.find(operationId, tx);
    }
    await tx.query('UPDATE operation SET cancel_requested = true WHERE id = $1', [operationId]);
    // A run that has the step learns of it when it renews its lease, or commits.
    if (row.lease_until === null) await this.announcer.nextTurn(tx, operationId);
    return this.store.find(operationId, tx);
  }

  private async insert(
    tx: EntityManager,
    { kind, clusterId, input, notBefore }: StartOperation,
    state: 'scheduled' | 'pending' | 'succeeded',
    steps: readonly string[],
  ): Promise<string> {
    const id = newId('op');
    const inserted = await rows(
      tx,
      `INSERT INTO operation (id, kind, cluster_id, input, state, step, not_before, ended_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7, CASE WHEN $5 = 'succeeded' THEN now() END)
       ON CONFLICT (cluster_id) WHERE state IN ('pending', 'running') DO NOTHING RETURNING id`,
      [id, kind, clusterId, JSON.stringify(input ?? null), state, steps[0], notBefore ?? null],
    );
    if (inserted.length === 0) throw inProgress(await this.store.activeOf(tx, clusterId!));
    await tx.query(
      `INSERT INTO operation_step (operation_id, position, name)
       SELECT $1, position - 1, name FROM unnest($2::text[]) WITH ORDINALITY AS step (name, position)`,
      [id, steps],
    );
    const scheduledAt = notBefore?.toISOString() ?? null;
    const data = { operationId: id, kind, clusterId, steps: [...steps], scheduledAt };
    await this.outbox.publish(tx, operationCreated, id, data, { correlationId: id });
    return id;
  }
}

/** `busy` is null when it ended between our insert and the look for it. */
const inProgress = (busy: OperationRow | null): ProblemError =>
  operationInProgress(busy ? `${busy.kind} ${busy.id} is at step '${busy.step}'` : 'It has just ended', {
    remedy: 'Wait until it has ended, then ask again.',
    ...(busy && { extra: { operationId: busy.id } }),
  });
