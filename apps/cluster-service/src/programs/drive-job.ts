import type { JobResult } from '@pgfleet/contracts';
import { runJob, type JobOrder, type Outcome, type StepContext } from '@pgfleet/operations';
import { Failure, failureOf } from './explain-failed-job';

/**
 * The one job of a step: orders it, which is the step's outcome; when the step is entered again, gives what the job ended with. What has to
 * be so before the job begins is done in `order`: it runs only when the job is ordered.
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
