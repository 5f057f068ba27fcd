import { Injectable } from '@nestjs/common';
import type { ListOperationsQuery, Operation } from '@pgfleet/contracts';
import { rows } from '@pgfleet/persistence';
import { DataSource, type EntityManager } from 'typeorm';
import { type OperationRow, type SignalRow, type StepRow, toOperation } from './operation-row';

type Database = EntityManager | DataSource;

/** Reads operations, and locks them for a change. */
@Injectable()
export class OperationStore {
  constructor(readonly dataSource: DataSource) {}

  async find(id: string, database: Database = this.dataSource): Promise<Operation | null> {
    const [row] = await rows<OperationRow>(database, 'SELECT * FROM operation WHERE id = $1', [id]);
    return row ? toOperation(row, await this.steps(id, database)) : null;
  }

  /** The row, locked until the transaction ends. */
  async lock(tx: EntityManager, id: string): Promise<OperationRow | null> {
    const [row] = await rows<OperationRow>(tx, 'SELECT * FROM operation WHERE id = $1 FOR UPDATE', [id]);
    return row ?? null;
  }

  /** Which operation is changing the cluster now. */
  async activeOf(tx: EntityManager, clusterId: string): Promise<OperationRow | null> {
    const [row] = await rows<OperationRow>(
      tx,
      `SELECT * FROM operation WHERE cluster_id = $1 AND state IN ('pending', 'running')`,
      [clusterId],
    );
    return row ?? null;
  }

  steps(id: string, database: Database = this.dataSource): Promise<StepRow[]> {
    return rows<StepRow>(database, 'SELECT * FROM operation_step WHERE operation_id = $1 ORDER BY position', [
      id,
    ]);
  }

  signals(tx: EntityManager, id: string): Promise<SignalRow[]> {
    return rows<SignalRow>(tx, 'SELECT name, payload, seq FROM operation_signal WHERE operation_id = $1', [
      id,
    ]);
  }

  /** Newest first; ids grow with time. */
  async list(query: ListOperationsQuery): Promise<{ items: Operation[]; next: string | null }> {
    const found = await rows<OperationRow>(
      this.dataSource,
      `SELECT * FROM operation
       WHERE ($1::text IS NULL OR cluster_id = $1) AND ($2::text IS NULL OR state = $2) AND ($3::text IS NULL OR id < $3)
       ORDER BY id DESC LIMIT $4`,
      [query.clusterId ?? null, query.state ?? null, query.before ?? null, query.limit + 1],
    );
    const page = found.slice(0, query.limit);
    const steps = await rows<StepRow>(
      this.dataSource,
      'SELECT * FROM operation_step WHERE operation_id = ANY($1) ORDER BY position',
      [page.map((row) => row.id)],
    );
    const items = page.map((row) =>
      toOperation(
        row,
        steps.filter((step) => step.operation_id === row.id),
      ),
    );
    return { items, next: found.length > page.length ? page.at(-1)!.id : null };
  }
}
