import { Controller } from '@nestjs/common';
import {
  stanzaCreated,
  stanzaDeleted,
  stanzaFailed,
  type CloudEvent,
  type EventData,
} from '@pgfleet/contracts';
import { OnEvent } from '@pgfleet/messaging';
import { Operations } from '@pgfleet/operations';
import type { EntityManager } from 'typeorm';
import { Lineages } from '../lineages/lineages';

/**
 * Signals the outcome to the operation that asked for a stanza. No operation asked for a stanza that was deleted because it had
 * expired.
 */
@Controller()
export class StanzaEventsController {
  constructor(
    private readonly operations: Operations,
    private readonly lineages: Lineages,
  ) {}

  @OnEvent(stanzaCreated)
  async created(event: CloudEvent<EventData<typeof stanzaCreated>>, tx: EntityManager): Promise<void> {
    await this.signal(tx, event, {});
  }

  @OnEvent(stanzaDeleted)
  async deleted(event: CloudEvent<EventData<typeof stanzaDeleted>>, tx: EntityManager): Promise<void> {
    await this.lineages.forget(tx, event.data.stanza);
    await this.signal(tx, event, {});
  }

  @OnEvent(stanzaFailed)
  async failed(event: CloudEvent<EventData<typeof stanzaFailed>>, tx: EntityManager): Promise<void> {
    const { cause, remedy } = event.data;
    await this.signal(tx, event, { cause, remedy });
  }

  private async signal(tx: EntityManager, { correlationid }: CloudEvent, payload: object): Promise<void> {
    if (correlationid) await this.operations.signal(tx, correlationid, 'stanza', payload);
  }
}
