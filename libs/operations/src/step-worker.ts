import { Injectable, Logger } from '@nestjs/common';
import { LeftToOthers, OperationLog, RetryLater, type Work } from '@pgfleet/messaging';
import type { OperationError, StepData } from '@pgfleet/contracts';
import { isDatabaseGone } from '@pgfleet/persistence';
import type { StepMessage } from './announcer';
import { type Claim, Claims, leaseMs } from './claim';
import { JobSignals } from './job-signals';
import { Lease } from './lease';
import { alsoFailed } from './operation-end';
import type { Effect } from './outcome';
import { JobAgain, type Program, StepFailure } from './program';
import { Programs, runStep } from './programs';
import { ClaimLost, type Progress, StepCommit } from './step-commit';
import { StepRun } from './step-context';

const retryRemedy =
  'Look at the log of the operation for what stood in the way, remove it, then retry the operation: it goes on from this step.';

/** Runs one step of an operation: claims it, calls its program, commits what came of it. */
@Injectable()
export class StepWorker {
  private readonly logger = new Logger('Operations');
  private readonly running = new Set<string>();

  constructor(
    private readonly claims: Claims,
    private readonly commits: StepCommit,
    private readonly programs: Programs,
    private readonly log: OperationLog,
    private readonly jobSignals: JobSignals,
  ) {}

  async run(message: StepMessage, work: Work): Promise<void> {
    // Delivered again because we could not tell NATS that the step runs still: it does.
    const run = `${message.operationId}/${message.turn}`;
    if (this.running.has(run)) throw new RetryLater(leaseMs);
    this.running.add(run);
    try {
      const claim = await this.claims.claim(message);
      if (claim) await this.runClaimed(claim, work);
    } catch (error) {
      if (!(error instanceof ClaimLost)) throw error;
      this.logger.warn(`${error.message}: nothing of this run is committed`);
      throw new LeftToOthers();
    } finally {
      this.running.delete(run);
    }
  }

  private async runClaimed(claim: Claim, work: Work): Promise<void> {
    const { row } = claim;
    const lease = new Lease(() => this.claims.renew(row), work.signal);
    const note = (line: string) => this.note(claim, line);
    const show = (data: StepData) => this.claims.show(row, data);
    let run = new StepRun(claim, lease.signal, note, show);
    const program = this.programs.find(row.kind);
    try {
      if (!program) throw new StepFailure(`No program for operations of kind ${row.kind}`, retryRemedy);
      const signals = await this.jobSignals.complete(claim.signals);
      run = new StepRun({ ...claim, signals }, lease.signal, note, show);
      const outcome = await runStep(program, run.context);
      if (outcome.move.kind === 'fail') {
        const { cause, remedy } = outcome.move;
        await this.fail(claim, program, run, { step: row.step, cause, remedy }, outcome.effects);
      } else {
        await this.commits.commit(claim, program, run, outcome as Progress);
      }
    } catch (error) {
      await this.afterError(error, claim, program, run, lease, work);
    } finally {
      lease.stop();
    }
  }

  private async afterError(
    error: unknown,
    claim: Claim,
    program: Program | undefined,
    run: StepRun,
    lease: Lease,
    work: Work,
  ): Promise<void> {
    const { row } = claim;
    if (error instanceof ClaimLost) throw error;
    if (lease.lost) throw new ClaimLost(row);
    // Not the step's fault: the transport holds the message until the database is back, and runs this again.
    if (isDatabaseGone(error)) throw error;
    if (lease.cancelRequested && program) {
      await this.commits.cancel(claim, program, run);
    } else if (work.signal.aborted) {
      await this.claims.release(row);
      throw new RetryLater(100);
    } else {
      await this.afterFailure(error, claim, program, run);
    }
  }

  private async afterFailure(
    error: unknown,
    claim: Claim,
    program: Program | undefined,
    run: StepRun,
  ): Promise<void> {
    const { row } = claim;
    const cause = error instanceof Error ? error.message : String(error);
    const failures = row.failures + 1;
    const text = `${row.id} (${row.kind}): step '${row.step}' failed, attempt ${run.context.attempt}: ${cause}`;
    const isExplained = error instanceof StepFailure || error instanceof JobAgain;
    if (isExplained) this.logger.warn(text);
    else this.logger.warn(text, { err: error });
    if (program && !(error instanceof StepFailure) && failures < program.attempts) {
      const delayMs = program.backoffMs(failures);
      await this.commits.tryAgain(claim, delayMs, error instanceof JobAgain);
      await this.note(claim, `Attempt ${failures} failed: ${cause}. Next attempt in ${delayMs / 1000} s.`);
      return;
    }
    const remedy = isExplained ? error.remedy : retryRemedy;
    await this.note(claim, `Failed: ${cause}`);
    await this.fail(claim, program, run, { step: row.step, cause, remedy });
  }

  /** An operation must end even when its effects or its hook throw; that is then part of the cause. */
  private async fail(
    claim: Claim,
    program: Program | undefined,
    run: StepRun,
    error: OperationError,
    effects: readonly Effect[] = [],
  ): Promise<void> {
    try {
      await this.commits.fail(claim, error, program && { program, run }, effects);
    } catch (hookError) {
      if (hookError instanceof ClaimLost || isDatabaseGone(hookError)) throw hookError;
      const both = alsoFailed(error, hookError);
      this.logger.error(`${claim.row.id}: ${both.cause}`);
      await this.commits.fail(claim, both);
    }
  }

  /** The log is told of by NATS: that it is away must not fail a step. */
  private async note(claim: Claim, line: string): Promise<void> {
    const { id: operationId, step } = claim.row;
    const attempt = claim.steps.find(({ name }) => name === step)?.attempt;
    try {
      await this.log.append({ operationId, step, attempt, stream: 'note', line });
    } catch (error) {
      this.logger.warn(`${operationId}: a line was not logged: ${(error as Error).message}`);
    }
  }
}
