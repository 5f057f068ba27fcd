import { Inject, Injectable } from '@nestjs/common';
import {
  type EventContract,
  type EventData,
  eventSubject,
  makeEvent,
  newId,
  type ServiceName,
} from '@pgfleet/contracts';
import type { EntityManager } from 'typeorm';
import { encodeMessage } from '../nats/encode';
import { SERVICE } from '../tokens';
import { markOutboxWritten } from './outbox-commit.subscriber';
import { OutboxRelay } from './outbox-relay';

export interface EventOptions {
  /** The operation that the event belongs to. */
  readonly correlationId?: string;
  /** The event or command that led to it. */
  readonly causationId?: string;
  /** Only for events that must have the same id whenever they are made again. */
  readonly id?: string;
}

export interface SendOptions {
  /** Unique; a message with an id that is waiting already is not written twice. JetStream drops repeats within 10 minutes. */
  readonly id: string;
  /** Not published earlier. */
  readonly notBefore?: Date;
}

/** Writes outgoing messages in the transaction of the state that they tell of; they are published as soon as it is committed. */
@Injectable()
export class Outbox {
  constructor(
    @Inject(SERVICE) private readonly service: ServiceName,
    private readonly relay: OutboxRelay,
  ) {}

  /** Publishes an event of `aggregateId`, after every earlier one of the same aggregate. Returns its id. Throws on wrong data. */
  async publish<E extends EventContract>(
    tx: EntityManager,
    contract: E,
    aggregateId: string,
    data: EventData<E>,
    options: EventOptions = {},
  ): Promise<string> {
    const id = options.id ?? newId('evt');
    const subject = eventSubject(contract, aggregateId);
    const facts = { ...options, id, service: this.service, subject: aggregateId };
    const event = makeEvent(contract, contract.data.parse(data) as EventData<E>, facts);
    const [aggregate] = contract.name.split('.');
    await this.write(tx, id, `${aggregate}/${aggregateId}`, subject, encodeMessage(subject, event), null);
    return id;
  }

  /** Sends a message that is not an event (a job, a step), in no order to others. */
  async send(tx: EntityManager, subject: string, payload: unknown, options: SendOptions): Promise<void> {
    await this.write(
      tx,
      options.id,
      null,
      subject,
      encodeMessage(subject, payload),
      options.notBefore ?? null,
    );
  }

  /** Takes a message back that has not been published yet; no effect when it has. */
  async withdraw(tx: EntityManager, id: string): Promise<void> {
    await tx.query('DELETE FROM outbox WHERE id = $1 AND lease_owner IS NULL', [id]);
  }

  /** Wakes the relay. Only needed after a commit that TypeORM did not make. */
  flush(): void {
    this.relay.wake();
  }

  private async write(
    tx: EntityManager,
    id: string,
    orderingKey: string | null,
    subject: string,
    payload: string,
    notBefore: Date | null,
  ): Promise<void> {
    await tx.query(
      `INSERT INTO outbox (id, ordering_key, subject, payload, not_before)
       VALUES ($1, $2, $3, $4, COALESCE($5::timestamptz, now())) ON CONFLICT (id) DO NOTHING`,
      [id, orderingKey, subject, payload, notBefore],
    );
    markOutboxWritten(tx);
  }
}
