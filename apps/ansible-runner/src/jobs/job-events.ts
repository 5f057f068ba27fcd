import { Inject, Injectable } from '@nestjs/common';
import { jetstream } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import {
  type CloudEvent,
  type EventContract,
  type EventData,
  eventSubject,
  type Job,
  jobFinished,
  type JobResult,
  jobStarted,
  makeEvent,
} from '@pgfleet/contracts';
import { NATS } from '@pgfleet/messaging';
import { machineName } from '../leases/lease-holder';
import type { FinishedEvent } from './job-records';

/** This service has no database, so it has no outbox: the event's id derives from the job's, so that a repeat is the same event. */
const envelope = <E extends EventContract>(
  contract: E,
  id: string,
  { id: jobId, operationId }: Job,
  data: EventData<E>,
): CloudEvent<EventData<E>> =>
  makeEvent(contract, data, {
    ...{ id, service: 'ansible-runner', subject: jobId },
    ...{ correlationId: operationId, causationId: jobId },
  });

/** Publishes `job.started` and `job.finished`. */
@Injectable()
export class JobEvents {
  constructor(@Inject(NATS) private readonly nats: NatsConnection) {}

  async started(job: Job, attempt: number): Promise<void> {
    const { id: jobId, operationId, step } = job;
    const data = { jobId, operationId, step, runner: machineName, attempt };
    await this.publish(jobStarted, envelope(jobStarted, `${jobId}.started.${attempt}`, job, data));
  }

  finishedEvent(job: Job, result: JobResult): FinishedEvent {
    return envelope(jobFinished, `${job.id}.finished`, job, jobFinished.data.parse(result));
  }

  async finished(event: FinishedEvent): Promise<void> {
    await this.publish(jobFinished, event);
  }

  private async publish(contract: EventContract, event: CloudEvent): Promise<void> {
    const subject = eventSubject(contract, event.subject);
    await jetstream(this.nats, { timeout: 5000 }).publish(subject, JSON.stringify(event), {
      msgID: event.id,
    });
  }
}
