import { Controller, type Type } from '@nestjs/common';
import { type ServiceName, stepSubject, streams } from '@pgfleet/contracts';
import { OnWork, type Work } from '@pgfleet/messaging';
import { StepMessage } from './announcer';
import { StepWorker } from './step-worker';

/** A step whose process dies is delivered to another after this long without a word; a running one gives word every 3 s. */
const ackWaitMs = 10_000;
const concurrency = 16;

/** Takes the step messages of a service. */
export const stepController = (service: ServiceName): Type => {
  @Controller()
  class StepController {
    constructor(private readonly worker: StepWorker) {}

    @OnWork({
      stream: streams.steps.name,
      filter: stepSubject(service, '*'),
      durable: `${service}-steps`,
      schema: StepMessage,
      ackWaitMs,
      maxDeliver: 20,
      concurrency,
    })
    async run(message: StepMessage, work: Work): Promise<void> {
      await this.worker.run(message, work);
    }
  }
  return StepController;
};
