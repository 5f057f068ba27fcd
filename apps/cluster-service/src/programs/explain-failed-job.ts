import type { JobResult } from '@pgfleet/contracts';
import { fail, JobAgain, type Outcome } from '@pgfleet/operations';

/** Why something failed, and what the operation's reader can do. */
export class Failure {
  constructor(
    readonly cause: string,
    readonly remedy: string,
    /** The failure may pass soon, as with a machine that is booting: worth another run. */
    readonly passing = false,
  ) {}

  get outcome(): Outcome {
    return fail(this.cause, this.remedy);
  }
}

/** Whether the machine did not answer over ssh, or was lost in the middle. */
export const isUnreachable = (message: string): boolean =>
  /unreachable|failed to connect|timed out.*ssh/i.test(message);

/** Turns a job that did not succeed into the end of its operation. */
export const explainFailedJob = (result: JobResult): Outcome => failureOf(result).outcome;

/**
 * Like explainFailedJob, for a job that can run again at any time. A failure that may pass by itself counts as a failed attempt
 * of the step, and the next attempt orders the job again.
 */
export function failOrRunAgain(result: JobResult): Outcome {
  const failure = failureOf(result);
  if (failure.passing) throw new JobAgain(failure.cause, failure.remedy);
  return failure.outcome;
}

/** Turns a job that did not succeed into a cause and a remedy. */
export function failureOf(result: JobResult): Failure {
  const all = 'GET /operations/:id/log has the whole output.';
  if (result.state === 'timed_out')
    return new Failure('The job did not end before its deadline.', `Retry the operation. ${all}`, true);
  if (result.state === 'cancelled')
    return new Failure('The job was cancelled.', 'Retry the operation to go on.');
  const unreachable = result.failures.filter(({ message }) => isUnreachable(message));
  if (unreachable.length > 0) {
    const hosts = [...new Set(unreachable.map(({ host }) => host))].join(', ');
    const remedy = `Bring the machine back (power, network, ssh), then retry the operation. ${all}`;
    return new Failure(`${hosts} cannot be reached over ssh: ${unreachable[0]?.message ?? ''}`, remedy, true);
  }
  const failures = result.failures.map(({ host, task, message }) => `${host}: ${task}: ${message}`);
  const cause = failures.join('; ') || `The job ended with exit code ${result.exitCode ?? 'none'}.`;
  return new Failure(cause, `Remove the cause, then retry the operation. ${all}`);
}
