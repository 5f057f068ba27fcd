import type { JobResult } from '@pgfleet/contracts';
import { runJob, type JobOrder, type Outcome, type StepContext } from '@pgfleet/operations';
import { Failure, failureOf } from './explain-failed-job';

/**
 * Runs the only job of a step. The first entry orders the job, which is the step's outcome; the next entry returns the job's
 * result. `order` runs only when the job is ordered, so it can do what must precede the job.
 */
export async function driveJob(
  context: StepContext<unknown>,
  order: () => JobOrder | Promise<JobOrder>,
): Promise<JobResult | Failure | Outcome> {
  const result = context.signal<JobResult>('job');
  if (result) return result.state === 'succeeded' ? result : failureOf(result);
  if (context.expired)
    return new Failure(
      'The runner gave no answer in time.',
      'See whether ansible-runner runs, then retry the operation.',
    );
  return runJob(await order());
}
