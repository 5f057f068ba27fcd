import { Controller } from '@nestjs/common';
import {
  clusterProofFailed,
  clusterProofSucceeded,
  createDrill,
  listDrills,
  type CloudEvent,
  type EventData,
  type ParsedInput,
  type RequestOutput,
} from '@pgfleet/contracts';
import { OnEvent, OnRequest } from '@pgfleet/messaging';
import { Operations } from '@pgfleet/operations';
import type { EntityManager } from 'typeorm';
import { Drills } from './drills';
import type { ProofEnd } from './run-drill.program';

@Controller()
export class DrillsController {
  constructor(
    private readonly drills: Drills,
    private readonly operations: Operations,
  ) {}

  @OnRequest(createDrill)
  create({
    clusterId,
    request,
    idempotency,
  }: ParsedInput<typeof createDrill>): Promise<RequestOutput<typeof createDrill>> {
    return this.drills.create(clusterId, request, idempotency);
  }

  @OnRequest(listDrills)
  list({ clusterId }: ParsedInput<typeof listDrills>): Promise<RequestOutput<typeof listDrills>> {
    return this.drills.list(clusterId);
  }

  @OnEvent(clusterProofSucceeded)
  async proven(event: CloudEvent<EventData<typeof clusterProofSucceeded>>, tx: EntityManager): Promise<void> {
    await this.tell(tx, event, { restores: event.data.restores });
  }

  @OnEvent(clusterProofFailed)
  async notProven(event: CloudEvent<EventData<typeof clusterProofFailed>>, tx: EntityManager): Promise<void> {
    const { cause, remedy } = event.data;
    await this.tell(tx, event, { cause, remedy });
  }

  private async tell(tx: EntityManager, { correlationid }: CloudEvent, end: ProofEnd): Promise<void> {
    if (correlationid) await this.operations.signal(tx, correlationid, 'proof', end);
  }
}
