import { Controller } from '@nestjs/common';
import { type CloudEvent, jobFinished, type JobResult } from '@pgfleet/contracts';
import { OnEvent } from '@pgfleet/messaging';
import type { EntityManager } from 'typeorm';
import type { z } from 'zod';
import { Operations } from './operations';

/** Hands a job's result to the operation that waits for it. Every service with operations hears of every job; most are another's. */
@Controller()
export class JobFinishedController {
  constructor(private readonly operations: Operations) {}

  @OnEvent(jobFinished, { concurrency: 4 })
  async jobFinished({ data }: CloudEvent<z.infer<typeof JobResult>>, tx: EntityManager): Promise<void> {
    await this.operations.jobFinished(tx, data.operationId, data.jobId, data);
  }
}
