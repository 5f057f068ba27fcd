import { Injectable } from '@nestjs/common';
import type { Operation, ParsedInput, proveRestore } from '@pgfleet/contracts';
import { Operations } from '@pgfleet/operations';
import { rows } from '@pgfleet/persistence';
import { DataSource, type EntityManager } from 'typeorm';
import { ClusterRows } from '../clusters/cluster-rows';
import { ProveRestore } from './prove-restore.program';

type Order = ParsedInput<typeof proveRestore>;

/** Takes requests to prove that a lineage can be restored. A proof blocks nothing: no operation of the cluster waits for it. */
@Injectable()
export class RestoreProofs {
  constructor(
    private readonly database: DataSource,
    private readonly rows: ClusterRows,
    private readonly operations: Operations,
  ) {}

  start(order: Order): Promise<Operation> {
    return this.database.transaction(async (tx) => {
      await this.rows.find(tx, order.clusterId);
      const idempotency = { key: order.requestedBy, fingerprint: order.stanza };
      return this.operations.start(tx, {
        kind: ProveRestore.kind,
        clusterId: null,
        input: order,
        idempotency,
      });
    });
  }

  /** The requester no longer wants the proof. */
  async giveUp(tx: EntityManager, requestedBy: string): Promise<void> {
    const running = await rows<{ id: string }>(
      tx,
      `select id from operation
       where kind = $1 and state in ('pending', 'running') and input->>'requestedBy' = $2`,
      [ProveRestore.kind, requestedBy],
    );
    for (const { id } of running) await this.operations.cancel(tx, id);
  }
}
