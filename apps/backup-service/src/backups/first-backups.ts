import { Injectable } from '@nestjs/common';
import { notFound, type Operation } from '@pgfleet/contracts';
import { Operations } from '@pgfleet/operations';
import { DataSource, type EntityManager } from 'typeorm';
import { StanzaEntity } from '../persistence/stanza.entity';
import { RunBackup, type BackupInput } from './run-backup.program';

/** The first full backup of each lineage: without one, its WAL cannot be restored. */
@Injectable()
export class FirstBackups {
  constructor(
    private readonly database: DataSource,
    private readonly operations: Operations,
  ) {}

  /** Returns the existing first backup and resumes it if it failed. Throws 404 for an unknown lineage. */
  take(stanza: string): Promise<Operation> {
    return this.database.transaction(async (tx) => {
      const operation = await this.begin(tx, stanza);
      if (!operation)
        throw notFound(`There is no stanza ${stanza}.`, { remedy: 'Make it first: create-stanza.' });
      return operation.state === 'failed' ? this.operations.retry(tx, operation.id).then(known) : operation;
    });
  }

  /** Starts it once per lineage; a cancelled one starts again. Returns null for an unknown lineage. */
  async begin(tx: EntityManager, name: string): Promise<Operation | null> {
    const stanza = await tx.findOne(StanzaEntity, { where: { name }, lock: { mode: 'pessimistic_write' } });
    if (!stanza) return null;
    const begun = stanza.firstBackup && (await this.operations.get(stanza.firstBackup, tx));
    if (begun && begun.state !== 'cancelled') return begun;
    const { clusterId } = stanza;
    const input: BackupInput = { stanza: name, clusterId, type: 'full' };
    const operation = await this.operations.start(tx, { kind: RunBackup.kind, clusterId, input });
    await tx.update(StanzaEntity, { name }, { firstBackup: operation.id });
    return operation;
  }
}

const known = (operation: Operation | null): Operation => {
  if (!operation) throw new Error('a first backup that is not there any more');
  return operation;
};
