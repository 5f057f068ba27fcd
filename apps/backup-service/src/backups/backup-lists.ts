import { setTimeout as pause } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import {
  hasEnded,
  notFound,
  unavailable,
  type Backup,
  type BackupList,
  type BackupPage,
  type ListBackupsQuery,
} from '@pgfleet/contracts';
import { Operations } from '@pgfleet/operations';
import { DataSource, type EntityManager } from 'typeorm';
import { DrillRows } from '../drills/drill-rows';
import { isBefore } from './dependents';
import { StanzaEntity } from '../persistence/stanza.entity';
import { Lineages } from '../stanzas/lineages';
import { ReadBackups } from './read-backups.program';

/** An answer from pgBackRest is reused for this long: two requests in a row cost one trip to the machine. */
const freshMs = 10_000;
/** Well within the ten seconds that the gateway waits for backup-service. */
const patienceMs = 5_000;
/** Another replica of the service may run the read; its end shows only in the database. */
const lookEveryMs = 50;

/**
 * Lists the backups of a cluster. Reads them from the repository through one of the cluster's machines (about a second). When
 * that takes longer or fails, returns the last known list; `asOf` says how old it is.
 */
@Injectable()
export class BackupLists {
  constructor(
    private readonly database: DataSource,
    private readonly operations: Operations,
    private readonly lineages: Lineages,
    private readonly drills: DrillRows,
  ) {}

  /** Throws 404 for a cluster without a stanza, and 503 when the repository was never read and cannot be read now. */
  async of(clusterId: string): Promise<BackupList> {
    return this.drills.marked(await this.read(await this.lineages.current(clusterId)));
  }

  /** One page of the list. A backup that has been removed is still a valid place to continue from: labels sort by time. */
  async page(clusterId: string, { limit, before }: ListBackupsQuery): Promise<BackupPage> {
    const list = await this.of(clusterId);
    const older =
      before === undefined ? list.items : list.items.filter((item) => isBefore(item.label, before));
    const items = older.slice(0, limit);
    return { ...list, items, next: older.length > limit ? items.at(-1)!.label : null };
  }

  /** One backup of the cluster. Throws 404 when it does not exist. */
  async find(clusterId: string, label: string): Promise<Backup> {
    const { items } = await this.of(clusterId);
    const backup = items.find((candidate) => candidate.label === label);
    if (!backup)
      throw notFound(`The cluster ${clusterId} has no backup ${label}.`, {
        remedy: 'GET /clusters/:clusterId/backups lists them.',
      });
    return backup;
  }

  /** The backups of a lineage. For a lineage that its cluster has left, or that outlived its cluster, this is the last known list. */
  async read(stanza: StanzaEntity): Promise<BackupList> {
    if (stanza.backups && isFresh(stanza.backups)) return stanza.backups;
    if (stanza.clusterDeletedAt)
      return stanza.backups ?? unknown('The cluster is deleted, and no list was kept.');
    if (!(await this.lineages.isAtHand(stanza)))
      return stanza.backups ?? unknown('The cluster does not archive to that lineage now.');
    const reading = await this.startReading(stanza.name);
    const failure = await this.end(reading);
    const { backups } = await this.lineages.named(stanza.name);
    return backups ?? unknown(failure ?? 'Reading the store takes long.');
  }

  /**
   * The last known list, without a trip to the repository. Every operation that creates or removes a backup updates it at its
   * end. It is for callers that check the repository themselves before they rely on the list.
   */
  async known(stanza: StanzaEntity): Promise<BackupList> {
    return stanza.backups ?? this.read(stanza);
  }

  /**
   * Starts a read. Each stanza has one read at a time, for all callers. Only the newest read stays among the operations: a read
   * changes nothing.
   */
  private startReading(name: string): Promise<string> {
    return this.database.transaction(async (tx) => {
      const stanza = await tx.findOneOrFail(StanzaEntity, {
        where: { name },
        lock: { mode: 'pessimistic_write' },
      });
      const last = stanza.reading && (await this.operations.get(stanza.reading, tx));
      if (last && !hasEnded(last)) return last.id;
      const input = { stanza: name, clusterId: stanza.clusterId };
      const { id } = await this.operations.start(tx, { kind: ReadBackups.kind, clusterId: null, input });
      await tx.update(StanzaEntity, { name }, { reading: id });
      if (last) await this.forget(tx, last.id);
      return id;
    });
  }

  private async forget(tx: EntityManager, operationId: string): Promise<void> {
    await tx.query('DELETE FROM operation WHERE id = $1', [operationId]);
  }

  /** Waits for a read to end; returns the reason when it failed. */
  private async end(operationId: string): Promise<string | null> {
    for (const deadline = Date.now() + patienceMs; Date.now() < deadline; await pause(lookEveryMs)) {
      const operation = await this.operations.get(operationId);
      if (!operation || operation.state === 'succeeded') return null;
      if (operation.state === 'failed') return operation.error?.cause ?? null;
      if (operation.state === 'cancelled') return 'Reading the store was cancelled.';
    }
    return null;
  }
}

const isFresh = ({ asOf }: BackupList): boolean => Date.now() - Date.parse(asOf) < freshMs;

const unknown = (reason: string): never => {
  throw unavailable(`The backups cannot be read from the store now: ${reason}`, {
    remedy:
      'Try again in a moment. If it stays so, look at the machines of the cluster and at the object store.',
  });
};
