import { Injectable } from '@nestjs/common';
import {
  conflict,
  drillStarted,
  operationInProgress,
  targetOutOfReach,
  type DrillList,
  type DrillRequest,
  type Idempotency,
  type Operation,
} from '@pgfleet/contracts';
import { Outbox } from '@pgfleet/messaging';
import { Operations } from '@pgfleet/operations';
import { DataSource, type EntityManager } from 'typeorm';
import { BackupLists } from '../backups/backup-lists';
import { Lineages } from '../stanzas/lineages';
import { RecoveryWindows } from '../window/recovery-windows';
import { DrillRows, type DrillInput } from './drill-rows';
import { RunDrill } from './run-drill.program';

/**
 * Takes the orders for drills. A drill may take hours and changes nothing of the cluster: its operation belongs to none, so that neither a
 * backup nor anything else waits for it.
 */
@Injectable()
export class Drills {
  constructor(
    private readonly database: DataSource,
    private readonly operations: Operations,
    private readonly outbox: Outbox,
    private readonly lineages: Lineages,
    private readonly lists: BackupLists,
    private readonly windows: RecoveryWindows,
    private readonly rows: DrillRows,
  ) {}

  /** 404; 409 while another one runs, and without a backup; 422 for a moment that cannot be reached. */
  async create(
    clusterId: string,
    { backup, time }: DrillRequest,
    idempotency: Idempotency,
  ): Promise<Operation> {
    const { name: stanza } = await this.lineages.workable(clusterId);
    if (backup) await this.lists.find(clusterId, backup);
    const { items } = await this.lists.of(clusterId);
    if (!items.some(({ failed }) => !failed))
      throw conflict(`The cluster ${clusterId} has no backup that could be restored.`, {
        remedy: 'Make one first: POST /clusters/:clusterId/backups.',
      });
    if (time) {
      const check = await this.windows.check(stanza, { type: 'time', time });
      if (!check.ok)
        throw targetOutOfReach(check.reason, {
          remedy: 'GET /clusters/:clusterId/recovery-window shows what can be reached.',
          extra: { nearest: check.nearest },
        });
    }
    const input = { stanza, clusterId, backup, time };
    return this.database.transaction(async (tx) => {
      const begun = await this.begin(tx, input, idempotency);
      if (begun) return begun;
      const running = await this.rows.running(tx, clusterId);
      throw operationInProgress(`A drill of the cluster runs: ${running ?? 'it has just ended'}.`, {
        remedy: 'Wait until it has ended, or cancel it, then ask again.',
        ...(running && { extra: { operationId: running } }),
      });
    });
  }

  /** Null while another one of the cluster runs: then what was written within the transaction is not to be committed. */
  async begin(
    tx: EntityManager,
    input: DrillInput,
    idempotency: Idempotency = null,
  ): Promise<Operation | null> {
    const order = { kind: RunDrill.kind, clusterId: null, input, idempotency };
    const operation = await this.operations.start(tx, order);
    // The answer to a repeated request: its drill is there already.
    if (await this.rows.isKnown(tx, operation.id)) return operation;
    if (!(await this.rows.begin(tx, operation.id, input))) return null;
    const { stanza, clusterId } = input;
    await this.outbox.publish(
      tx,
      drillStarted,
      stanza,
      { clusterId, stanza },
      { correlationId: operation.id },
    );
    return operation;
  }

  async list(clusterId: string): Promise<DrillList> {
    await this.lineages.current(clusterId);
    return { clusterId, items: await this.rows.of(clusterId) };
  }

  /** What is left to be proven of a cluster that is going: nothing. */
  async giveUp(tx: EntityManager, clusterId: string): Promise<void> {
    const running = await this.rows.running(tx, clusterId);
    if (running) await this.operations.cancel(tx, running);
  }
}
