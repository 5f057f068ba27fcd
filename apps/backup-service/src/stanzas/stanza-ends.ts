import { Injectable } from '@nestjs/common';
import { stanzaCreated, stanzaDeleted, stanzaFailed } from '@pgfleet/contracts';
import { Outbox } from '@pgfleet/messaging';
import type { OperationContext } from '@pgfleet/operations';
import type { EntityManager } from 'typeorm';
import { StanzaEntity, type StanzaState } from '../persistence/stanza.entity';

export interface StanzaInput {
  stanza: string;
  clusterId: string;
  /** The operation of another service that waits for this one: events carry it as their correlation. Null when none waits. */
  requestedBy: string | null;
}
type Ended = Pick<OperationContext<StanzaInput>, 'input' | 'operationId'>;

/** Records and publishes that a stanza was created or removed, or that this failed. */
@Injectable()
export class StanzaEnds {
  constructor(private readonly outbox: Outbox) {}

  async enter(tx: EntityManager, { stanza }: StanzaInput, state: StanzaState): Promise<void> {
    await tx.update(StanzaEntity, { name: stanza }, { state });
  }

  async created(tx: EntityManager, { input, operationId }: Ended): Promise<void> {
    await this.enter(tx, input, 'ready');
    const { stanza, clusterId, requestedBy } = input;
    const options = { correlationId: requestedBy ?? operationId };
    await this.outbox.publish(tx, stanzaCreated, stanza, { clusterId, stanza }, options);
  }

  async deleted(tx: EntityManager, { input, operationId }: Ended): Promise<void> {
    const { stanza, clusterId, requestedBy } = input;
    await tx.update(StanzaEntity, { name: stanza }, { state: 'deleted', backups: null, expiryDueAt: null });
    // The policy of a deleted cluster goes with the cluster's last lineage.
    await tx.query(
      `delete from backup_policy where cluster_id = $1 and not exists (
         select from stanza where cluster_id = $1 and (state <> 'deleted' or cluster_deleted_at is null))`,
      [clusterId],
    );
    const options = { correlationId: requestedBy ?? operationId };
    await this.outbox.publish(tx, stanzaDeleted, stanza, { clusterId, stanza }, options);
  }

  async failed(
    tx: EntityManager,
    { input, operationId: causationId }: OperationContext<StanzaInput>,
    reason: { cause: string; remedy: string },
  ): Promise<void> {
    await this.enter(tx, input, 'failed');
    const { stanza, clusterId, requestedBy } = input;
    const data = { clusterId, stanza, cause: reason.cause, remedy: reason.remedy };
    const options = { correlationId: requestedBy ?? causationId, causationId };
    await this.outbox.publish(tx, stanzaFailed, stanza, data, options);
  }

  cancelled(tx: EntityManager, context: OperationContext<StanzaInput>): Promise<void> {
    const cause = `${context.operationId}, which was at step ${context.step}, was cancelled.`;
    return this.failed(tx, context, { cause, remedy: 'Retry the operation that asked for it.' });
  }
}
