import { z } from 'zod';
import { Cause, NodeName, StepName } from '../api/fields';
import { defineEvent } from '../define-event';
import { JobId, OperationId } from '../ids';

const TaskName = z.string().meta({ example: 'postgres_node : converge' });
const job = z.object({ jobId: JobId, operationId: OperationId, step: StepName });

export const JobResult = job.extend({
  state: z.enum(['succeeded', 'failed', 'cancelled', 'timed_out']),
  exitCode: z.int().nullable(),
  durationMs: z.int(),
  failures: z.array(z.object({ host: NodeName, task: TaskName, message: Cause })),
  output: z.string().nullable().meta({
    description: 'standard output of a `command` job with `capture`, if it is text of at most 64 KiB',
    example: null,
  }),
  outputObject: z.object({ name: z.string(), bytes: z.int() }).optional().meta({
    description: 'where longer output is kept for a day: an object in the NATS object store `job_outputs`',
  }),
});
export type JobResult = z.infer<typeof JobResult>;

export const jobStarted = defineEvent({
  name: 'job.started',
  version: 1,
  description: 'A runner started the process of the job.',
  data: job.extend({
    runner: z.string().meta({ description: 'the runner process', example: 'control1-4711' }),
    attempt: z.int(),
  }),
});
export const jobFinished = defineEvent({
  name: 'job.finished',
  version: 1,
  description: 'The job ended. Published once per job: a redelivered job publishes the same event id again.',
  data: JobResult,
});
