import type { JobResult } from '@pgfleet/contracts';
import { Outcome, type JobOrder, type StepContext } from '@pgfleet/operations';
import { driveJob } from '../programs/drive-job';
import { isUnreachable, type Failure } from '../programs/explain-failed-job';

/**
 * The machines that a job could not reach or lost while all others did their part. Null if there are none, if a reachable machine
 * failed, or if the job needs one of the lost machines.
 */
export function lostIn(
  { state, failures }: Pick<JobResult, 'state' | 'failures'>,
  needed: readonly string[] = [],
): string[] | null {
  if (state !== 'failed' || failures.length === 0) return null;
  const hosts = [...new Set(failures.map(({ host }) => host))];
  const wereReached = failures.some(({ message }) => !isUnreachable(message));
  return wereReached || needed.some((name) => hosts.includes(name)) ? null : hosts;
}

/** The machines that a job went without. */
export interface Lost {
  lost: string[];
}

/** Runs the only job of a step like `driveJob`, but machines that do not answer are no failure unless they are needed. */
export async function driveJobWhereReached(
  context: StepContext<unknown>,
  needed: readonly string[],
  order: () => JobOrder | Promise<JobOrder>,
): Promise<Lost | Failure | Outcome> {
  const result = context.signal<JobResult>('job');
  const lost = result && lostIn(result, needed);
  if (lost) return { lost };
  const ran = await driveJob(context, order);
  return isLostOrDone(ran) ? { lost: [] } : ran;
}

const isLostOrDone = (ran: JobResult | Failure | Outcome): ran is JobResult =>
  !(ran instanceof Outcome) && 'jobId' in ran;

/** Notes the lost machines in the operation's log, once, at the end of a step. */
export async function noteLost(context: StepContext<unknown>, { lost }: Lost): Promise<void> {
  if (lost.length === 0) return;
  await context.note(
    `Went on without ${lost.join(', ')}: no answer over ssh. Such a machine is rebuilt when it is back.`,
  );
}

/** The machines that earlier steps went without. */
export const lostSoFar = (results: Readonly<Record<string, unknown>>): string[] => [
  ...new Set(Object.values(results).flatMap((result) => (result as Partial<Lost> | null)?.lost ?? [])),
];
