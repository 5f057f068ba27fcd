import { Injectable } from '@nestjs/common';
import { conflict, operationInProgress, type Operation } from '@pgfleet/contracts';
import { Operations } from '@pgfleet/operations';
import { rows } from '@pgfleet/persistence';
import { DataSource, type EntityManager } from 'typeorm';
import { RunBackup } from '../backups/run-backup.program';
import { RunDrill } from '../drills/run-drill.program';
import { StanzaEntity } from '../persistence/stanza.entity';
import { StanzaRequestEntity } from '../persistence/stanza-request.entity';
import { StanzaEnds, type StanzaInput } from './stanza-ends';

type Kind = 'stanza.create' | 'stanza.delete';

/** A request from another service. */
type Order = StanzaInput & { requestedBy: string };

/** Accepts requests to create and remove stanzas. A repeated request with the same `requestedBy` gets the same operation. */
@Injectable()
export class Stanzas {
  constructor(
    private readonly database: DataSource,
    private readonly operations: Operations,
    private readonly ends: StanzaEnds,
  ) {}

  /**
   * Throws 409 for a stanza of another cluster, or while another operation of this service works on the cluster. An operation on
   * another lineage is cancelled first: the cluster has left that lineage.
   */
  async create(input: Order): Promise<Operation> {
    await this.cancel("cluster_id = $1 and input->>'stanza' <> $2", [input.clusterId, input.stanza]);
    return this.database.transaction(async (tx) => {
      await tx
        .createQueryBuilder()
        .insert()
        .into(StanzaEntity)
        .values({ name: input.stanza, clusterId: input.clusterId, state: 'creating' })
        .orIgnore()
        .execute();
      const stanza = await this.lock(tx, input);
      if (stanza === null) throw new Error(`${input.stanza} was inserted, and is not there`);
      if (stanza.state === 'deleted')
        throw conflict(`The lineage ${input.stanza} was removed.`, { remedy: 'Begin another lineage.' });
      const known = await this.answered(tx, 'stanza.create', input);
      if (known) return known;
      await tx.update(StanzaEntity, { name: input.stanza }, { enteredAt: new Date(), expiryDueAt: null });
      // The lineages that the cluster has left are not kept forever.
      await tx.query(
        `update stanza set expiry_due_at = now() where cluster_id = $1 and name <> $2 and state <> 'deleted'`,
        [input.clusterId, input.stanza],
      );
      await this.ends.enter(tx, input, 'creating');
      return this.start(tx, 'stanza.create', input);
    });
  }

  /** A stanza that never existed, or is gone, counts as removed at once. A running backup or drill of the cluster is cancelled first. */
  async delete(input: Order): Promise<Operation> {
    await this.cancel("input->>'clusterId' = $1 and kind in ($2, $3)", [
      input.clusterId,
      RunBackup.kind,
      RunDrill.kind,
    ]);
    return this.database.transaction(async (tx) => {
      const stanza = await this.lock(tx, input);
      const known = await this.answered(tx, 'stanza.delete', input);
      if (known) return known;
      if (stanza && stanza.state !== 'deleted') {
        await this.ends.enter(tx, input, 'deleting');
        return this.start(tx, 'stanza.delete', input);
      }
      const order = { kind: 'stanza.delete', clusterId: input.clusterId, input, step: 'delete' };
      const operation = await this.operations.completed(tx, order);
      await this.ends.deleted(tx, { input, operationId: operation.id });
      await this.remember(tx, 'stanza.delete', input, operation);
      return operation;
    });
  }

  /** Held until the transaction ends: of two concurrent requests, the second sees what the first has started. */
  private async lock(
    tx: EntityManager,
    { stanza: name, clusterId }: StanzaInput,
  ): Promise<StanzaEntity | null> {
    const stanza = await tx.findOne(StanzaEntity, { where: { name }, lock: { mode: 'pessimistic_write' } });
    if (stanza && stanza.clusterId !== clusterId)
      throw conflict(`The lineage ${name} belongs to ${stanza.clusterId}.`, {
        remedy: 'Use the lineage of the cluster itself.',
      });
    return stanza;
  }

  /** The operation that already answers a request, resumed if it had failed. Null when there is none, or it was cancelled. */
  private async answered(tx: EntityManager, kind: Kind, { requestedBy }: Order): Promise<Operation | null> {
    const request = await tx.findOneBy(StanzaRequestEntity, { kind, requestedBy });
    const operation = request && (await this.operations.get(request.operationId, tx));
    if (!operation || operation.state === 'cancelled') return null;
    return operation.state === 'failed' ? this.operations.retry(tx, operation.id) : operation;
  }

  private async start(tx: EntityManager, kind: Kind, input: Order): Promise<Operation> {
    const operation = await this.operations.start(tx, { kind, clusterId: input.clusterId, input });
    await this.remember(tx, kind, input, operation);
    return operation;
  }

  private async remember(
    tx: EntityManager,
    kind: Kind,
    { stanza, requestedBy }: Order,
    operation: Operation,
  ): Promise<void> {
    await tx.save(StanzaRequestEntity, { kind, requestedBy, stanza, operationId: operation.id });
  }

  /** Uses its own transaction: the cancellation must persist even when the answer is a refusal. */
  private async cancel(which: string, parameters: string[]): Promise<void> {
    const cancelled = await this.database.transaction(async (tx) => {
      const [running] = await rows<{ id: string }>(
        tx,
        `select id from operation where state in ('pending', 'running') and ${which}`,
        parameters,
      );
      return running ? this.operations.cancel(tx, running.id) : null;
    });
    if (cancelled)
      throw operationInProgress(`${cancelled.kind} ${cancelled.id} is being cancelled.`, {
        remedy: 'Ask again in a moment.',
        extra: { operationId: cancelled.id },
      });
  }
}
