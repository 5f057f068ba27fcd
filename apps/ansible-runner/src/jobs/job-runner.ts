import { setTimeout as pause } from 'node:timers/promises';
import { Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import type { Job, JobResult } from '@pgfleet/contracts';
import { JobOutputs, type KeptOutput, LeftToOthers, RetryLater, type Work } from '@pgfleet/messaging';
import { CommandExecutor } from '../commands/command-executor';
import type { JobLease } from '../leases/job-lease';
import { JobLeases, LeaseHeld } from '../leases/job-leases';
import { measureRun } from '../metrics';
import { PlaybookExecutor } from '../playbooks/playbook-executor';
import type { Ending, Execution } from './execution';
import { JobCancels } from './job-cancels';
import { JobEvents } from './job-events';
import { type FinishedEvent, type JobRecord, JobRecords, Superseded } from './job-records';
import { JobStop } from './job-stop';

/** How soon another runner should pick up a job that this one gives back. */
const handOverMs = 100;
const shortestWaitMs = 250;
const longestWaitMs = 15_000;
const storeAgainMs = 500;

/** Takes a job from the queue to its `job.finished`: one run at a time, and one result for good. */
@Injectable()
export class JobRunner implements OnModuleDestroy {
  private readonly logger = new Logger(JobRunner.name);
  private readonly running = new Map<string, Promise<void>>();
  private stopping = false;

  constructor(
    private readonly leases: JobLeases,
    private readonly records: JobRecords,
    private readonly cancels: JobCancels,
    private readonly events: JobEvents,
    private readonly playbooks: PlaybookExecutor,
    private readonly commands: CommandExecutor,
    private readonly outputs: JobOutputs,
  ) {}

  /** The process has been asked to end: from now on, a child that dies may have been stopped along with it. */
  onModuleDestroy(): void {
    this.stopping = true;
  }

  /**
   * Resolves when the job's result is stored and published. Another delivery of a job that this process already runs waits for
   * that run.
   * @throws RetryLater when the job must be delivered again, LeftToOthers when another runner answers for the delivery
   */
  run(job: Job, work: Work): Promise<void> {
    const known = this.running.get(job.id);
    if (known) return known;
    const run = this.withLease(job, work).finally(() => this.running.delete(job.id));
    this.running.set(job.id, run);
    return run;
  }

  private async withLease(job: Job, work: Work): Promise<void> {
    let lease: JobLease | undefined;
    try {
      lease = await this.leases.acquire(job.id);
      const record = await this.records.begin(job.id);
      const finished = record.finished ?? (await this.runToResult(job, record, lease, work));
      await this.events.finished(finished);
    } catch (error) {
      throw this.again(job, work, error);
    } finally {
      await lease?.release();
    }
  }

  private async runToResult(
    job: Job,
    record: JobRecord,
    lease: JobLease,
    work: Work,
  ): Promise<FinishedEvent> {
    const measured = measureRun(job, record.attempts);
    let outcome: JobResult['state'] | 'interrupted' = 'interrupted';
    const began = performance.now();
    const deadline = Date.now() + job.deadlineSeconds * 1000;
    const stop = new JobStop();
    try {
      stop.whenAborted(lease.lost, 'lease_lost');
      stop.whenAborted(work.signal, 'shutting_down');
      stop.at(deadline, 'timed_out');
      stop.onEnd(await this.cancels.watch(job.id, () => stop.because('cancelled')));
      this.logger.log(`${job.id} begins`, {
        operationId: job.operationId,
        step: job.step,
        attempt: record.attempts,
      });
      await this.events.started(job, record.attempts);
      const execution = { attempt: record.attempts, deadline, lifetime: lease, stop: stop.signal };
      const ending = await this.execute(job, execution);
      const state = this.stateOf(ending, stop);
      const durationMs = performance.now() - began;
      const kept = await this.keepOutput(job, record, ending, lease);
      const event = this.events.finishedEvent(job, this.result(job, ending, kept, state, durationMs));
      await this.untilStored(job, lease, () => this.records.finish(job.id, record, event));
      outcome = state;
      this.logger.log(`${job.id} ${state}`, {
        operationId: job.operationId,
        step: job.step,
        exitCode: ending.exitCode,
      });
      return event;
    } finally {
      stop.end();
      measured(outcome);
    }
  }

  /** The result may be worth hours of work: while this runner holds the lease, it waits out an outage of NATS. */
  private async untilStored<T>(job: Job, lease: JobLease, store: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await store();
      } catch (error) {
        if (error instanceof Superseded) throw error;
        if (lease.lost.aborted) throw new LeftToOthers();
        this.logger.warn(`The result of ${job.id} cannot be stored yet: ${String(error)}`);
        await pause(storeAgainMs, undefined, { signal: lease.lost }).catch(() => undefined);
      }
    }
  }

  /** Stores each attempt's output under its own name: a superseded run must not touch the output of the run that counts. */
  private async keepOutput(
    job: Job,
    { attempts }: JobRecord,
    { output }: Ending,
    lease: JobLease,
  ): Promise<KeptOutput> {
    if (!output) return { output: null };
    return this.untilStored(job, lease, () => this.outputs.keep(`${job.id}.${attempts}`, output));
  }

  private execute(job: Job, execution: Execution): Promise<Ending> {
    return job.kind === 'playbook' ? this.playbooks.run(job, execution) : this.commands.run(job, execution);
  }

  private stateOf({ exitCode, failures }: Ending, { reason }: JobStop): JobResult['state'] {
    // A command may have succeeded while its output is incomplete.
    if (exitCode === 0 && failures.length === 0) return 'succeeded';
    if (reason === 'cancelled' || reason === 'timed_out') return reason;
    if (reason === 'lease_lost') throw new LeftToOthers();
    if (reason === 'shutting_down') throw new RetryLater(handOverMs);
    // Stopping the service also signals its children: that says nothing about the job.
    if (this.stopping) throw new RetryLater(handOverMs);
    return 'failed';
  }

  private result(
    job: Job,
    ending: Ending,
    kept: KeptOutput,
    state: JobResult['state'],
    durationMs: number,
  ): JobResult {
    const { id: jobId, operationId, step } = job;
    // A process that was killed on purpose has no failures of its own.
    const failures = state === 'failed' ? ending.failures : [];
    return {
      jobId,
      operationId,
      step,
      state,
      failures,
      exitCode: ending.exitCode,
      ...kept,
      durationMs: Math.round(durationMs),
    };
  }

  /** A fault around a job is not the job's fault: while the job has time left, it is delivered again. */
  private again(job: Job, work: Work, error: unknown): unknown {
    if (error instanceof RetryLater) return error;
    if (error instanceof LeaseHeld) {
      this.logger.log(`${job.id} waits: ${error.message}`, { endsInMs: error.endsInMs });
      if (error.isRenewed) return new LeftToOthers();
      return new RetryLater(
        Math.min(longestWaitMs, Math.max(shortestWaitMs, error.endsInMs + shortestWaitMs)),
      );
    }
    if (error instanceof Superseded) return new LeftToOthers();
    if (error instanceof LeftToOthers) return error;
    const reason = error instanceof Error ? error.message : String(error);
    this.logger.error(`${job.id} cannot go on: ${reason}`, error instanceof Error ? error : undefined);
    return new RetryLater(Math.min(longestWaitMs, 500 * 2 ** Math.min(work.deliveryCount, 10)));
  }
}
