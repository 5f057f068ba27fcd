import { Injectable } from '@nestjs/common';
import {
  conflict,
  type BackupRequest,
  type Idempotency as IdempotencyKey,
  type Operation,
} from '@pgfleet/contracts';
import { Idempotency, Operations } from '@pgfleet/operations';
import { DataSource } from 'typeorm';
import { Lineages } from '../stanzas/lineages';
import { BackupLists } from './backup-lists';
import { pgbackrestType } from './backup-kind';
import { DeleteBackup } from './delete-backup.program';
import { dependentsOf } from './dependents';
import { RunBackup } from './run-backup.program';

/** The error text names only some labels; the problem's `dependents` lists them all. */
const named = (labels: string[]): string =>
  labels.length <= 5 ? labels.join(', ') : `${labels.slice(0, 5).join(', ')} and ${labels.length - 5} more`;

/** Accepts requests to create and delete backups. */
@Injectable()
export class Backups {
  constructor(
    private readonly database: DataSource,
    private readonly operations: Operations,
    private readonly idempotency: Idempotency,
    private readonly lineages: Lineages,
    private readonly lists: BackupLists,
  ) {}

  create(clusterId: string, { type }: BackupRequest, key: IdempotencyKey): Promise<Operation> {
    return this.idempotency.onceChecked(
      key,
      `start ${RunBackup.kind}`,
      () => this.lineages.workable(clusterId),
      (tx, { name: stanza }) => {
        const input = { stanza, clusterId, type: pgbackrestType[type] };
        return this.operations.start(tx, { kind: RunBackup.kind, clusterId, input });
      },
    );
  }

  /** Throws 409 when other backups depend on this one and are not deleted with it, or when no full backup would be left. */
  async delete(clusterId: string, label: string, cascade: boolean): Promise<Operation> {
    await this.lists.find(clusterId, label);
    const { name: stanza } = await this.lineages.workable(clusterId);
    const { items } = await this.lists.of(clusterId);
    const dependents = dependentsOf(label, items);
    if (dependents.length > 0 && !cascade)
      throw conflict(`${dependents.length} other backups need ${label}: ${named(dependents)}.`, {
        remedy: 'Delete them first, or ask with cascade=true to delete them with it.',
        extra: { dependents },
      });
    const gone = new Set([label, ...dependents]);
    const fulls = items.filter(
      ({ label: other, type, failed }) => type === 'full' && !failed && !gone.has(other),
    );
    if (fulls.length === 0)
      throw conflict(`${label} is the last full backup: without it nothing could be restored.`, {
        remedy: 'Make another full backup first: POST /clusters/:clusterId/backups.',
      });
    const input = { stanza, clusterId, label, labels: [...gone], fullsLeft: fulls.length };
    return this.database.transaction((tx) =>
      this.operations.start(tx, { kind: DeleteBackup.kind, clusterId, input }),
    );
  }
}
