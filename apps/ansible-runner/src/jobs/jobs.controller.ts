import { Controller, type Type } from '@nestjs/common';
import { CommandJob, PlaybookJob, streams } from '@pgfleet/contracts';
import { OnWork, type Work } from '@pgfleet/messaging';
import type { Config } from '../config';
import { JobRunner } from './job-runner';

/** After this long without a sign from a runner, the queue gives the job to another runner, which then waits for the lease. */
const ackWaitMs = 5000;
/** JobRunner requests redeliveries itself; an error that gets past it is a bug of this service. */
const maxDeliver = 20;

/** Creates the class for the configured concurrency: a decorator has no access to an instance. */
export const jobsController = (config: Config): Type => {
  const queue = { stream: streams.jobs.name, ackWaitMs, maxDeliver };

  @Controller()
  class JobsController {
    constructor(private readonly runner: JobRunner) {}

    @OnWork({
      ...queue,
      filter: 'jobs.playbook.>',
      durable: 'ansible-runner-playbooks',
      schema: PlaybookJob,
      concurrency: config.PGFLEET_RUNNER_CONCURRENCY,
    })
    playbook(job: PlaybookJob, work: Work): Promise<void> {
      return this.runner.run(job, work);
    }

    @OnWork({
      ...queue,
      filter: 'jobs.command.>',
      durable: 'ansible-runner-commands',
      schema: CommandJob,
      concurrency: config.PGFLEET_RUNNER_COMMAND_CONCURRENCY,
    })
    command(job: CommandJob, work: Work): Promise<void> {
      return this.runner.run(job, work);
    }
  }
  return JobsController;
};
