import { Controller } from '@nestjs/common';
import { type CloudEvent, operationStepSucceeded, operationSucceeded } from '@pgfleet/contracts';
import { OnEvent } from '@pgfleet/messaging';
import type { EntityManager } from 'typeorm';

interface Told {
  operationId: string;
  step?: string;
}

/** A consumer that deduplicates: writes down what it hears, in the inbox's transaction. */
@Controller()
export class ListenerController {
  @OnEvent(operationStepSucceeded)
  async stepSucceeded(event: CloudEvent<Told>, tx: EntityManager): Promise<void> {
    await this.hear(event, event.data.step!, tx);
  }

  @OnEvent(operationSucceeded)
  async succeeded(event: CloudEvent<Told>, tx: EntityManager): Promise<void> {
    await this.hear(event, 'end', tx);
  }

  private async hear({ data, id }: CloudEvent<Told>, what: string, tx: EntityManager): Promise<void> {
    await tx.query('INSERT INTO heard (event_id, operation_id, what) VALUES ($1, $2, $3)', [
      id,
      data.operationId,
      what,
    ]);
  }
}
