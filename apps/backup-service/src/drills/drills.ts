import { Injectable } from '@nestjs/common';
import {
  conflict,
  drillStarted,
  operationInProgress,
  targetOutOfReach,
  type DrillList,
  type DrillRequest,
  type Idempotency as IdempotencyKey,
  type Operation,
} from '@pgfleet/contracts';
import { Outbox } from '@pgfleet/messaging';
import { Idempotency, Operations } from '@pgfleet/operations';
import type { EntityManager } from 'typeorm';
import { BackupLists } from '../backups/backup-lists';
import { Lineages } from '../stanzas/lineages';
import { RecoveryWindows } from '../window/recovery-windows';
import { DrillRows, type DrillInput } from './drill-rows';
import { RunDrill } from './run-drill.program';

/**
 * Accepts requests for drills. A drill may take hours and does not change the cluster. Its operation therefore belongs to no
 * cluster, so that no backup or other operation waits for it.
 */
@Injectable()
export class Drills {
  constructor(
    private readonly operations: Operations,
    private readonly idempotency: Idempotency,
    private readonly outbox: Outbox,
    private readonly lineages: Lineages,
    private readonly lists: BackupLists,
    private readonly windows: RecoveryWindows,
    private readonly rows: DrillRows,
  ) {}

  /** Throws 404 for an unknown cluster; 409 while another drill runs or without a backup; 422 for a moment that cannot be reached. */
  create(clusterId: string, request: DrillRequest, key: IdempotencyKey): Promise<Operation> {
    return this.idempotency.onceChecked(
      key,
      `start ${RunDrill.kind}`,
      () => this.check(clusterId, request),
      async (tx, input) => {
        const begun = await this.begin(tx, input);
        if (begun) return begun;
        const running = await this.rows.running(tx, clusterId);
        throw operationInProgress(`A drill of the cluster runs: ${running ?? 'it has just ended'}.`, {
          remedy: 'Wait until it has ended, or cancel it, then ask again.',
          ...(running && { extra: { operationId: running } }),
        });
      },
    );
  }

  /** Returns null while another drill of the cluster runs: the caller must then roll back its transaction. */
  async begin(tx: EntityManager, input: DrillInput): Promise<Operation | null> {
    const operation = await this.operations.start(tx, { kind: RunDrill.kind, clusterId: null, input });
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

  private async check(clusterId: string, { backup, time }: DrillRequest): Promise<DrillInput> {
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
    return { stanza, clusterId, backup, time };
  }

  async list(clusterId: string): Promise<DrillList> {
    await this.lineages.current(clusterId);
    return { clusterId, items: await this.rows.of(clusterId) };
  }

  /** Gives up the unfinished drills of a cluster that is being deleted. */
  async giveUp(tx: EntityManager, clusterId: string): Promise<void> {
    const running = await this.rows.running(tx, clusterId);
    if (running) await this.operations.cancel(tx, running);
  }
}
