import { Controller } from '@nestjs/common';
import {
  drillFailed,
  proveRestore,
  type CloudEvent,
  type EventData,
  type ParsedInput,
  type RequestOutput,
} from '@pgfleet/contracts';
import { OnEvent, OnRequest } from '@pgfleet/messaging';
import type { EntityManager } from 'typeorm';
import { RestoreProofs } from './restore-proofs';

/** Answers backup-service's requests for its drills. */
@Controller()
export class DrillsController {
  constructor(private readonly proofs: RestoreProofs) {}

  @OnRequest(proveRestore)
  prove(order: ParsedInput<typeof proveRestore>): Promise<RequestOutput<typeof proveRestore>> {
    return this.proofs.start(order);
  }

  /** A drill that was cancelled or failed by itself: do not keep its machine waiting. */
  @OnEvent(drillFailed)
  async failed(event: CloudEvent<EventData<typeof drillFailed>>, tx: EntityManager): Promise<void> {
    if (event.correlationid) await this.proofs.giveUp(tx, event.correlationid);
  }
}
