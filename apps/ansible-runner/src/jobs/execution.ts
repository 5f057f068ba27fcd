import type { Job, JobResult } from '@pgfleet/contracts';
import type { Lifetime } from '../process/guarded-process';

/** How a job's process ended; `exitCode` is null when it never ran. */
export interface Ending {
  exitCode: number | null;
  failures: JobResult['failures'];
  output: Buffer | null;
}

/** Why a job is stopped before its process ends by itself. */
export type StopReason = 'cancelled' | 'timed_out' | 'lease_lost' | 'shutting_down';

export interface Execution {
  /** Counts how often the job was started, from 1. */
  attempt: number;
  /** The job may run until then, in ms since the epoch. */
  deadline: number;
  lifetime: Lifetime;
  /** Aborted with a StopReason. */
  stop: AbortSignal;
}

/** Runs one kind of job. */
export interface Executor<J extends Job> {
  run(job: J, execution: Execution): Promise<Ending>;
}
