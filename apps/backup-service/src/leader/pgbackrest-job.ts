import type { JobHost, JobResult } from '@pgfleet/contracts';
import { again, fail, runJob, wait, type Outcome, type StepContext } from '@pgfleet/operations';
import { type Argv, type ExitMeaning, InfoUnreadable } from '@pgfleet/pgbackrest';
import { jobVerdict, type Verdict } from './job-verdict';

export interface PgbackrestJob<Value> {
  /** The command, for the machine that it runs on. */
  argv: Argv | ((host: JobHost) => Argv);
  /**
   * Reads from its output what the step wants to know. It throws `InfoUnreadable` when the repository gave no answer, which may pass; output
   * that means nothing to it is an error that another run would only repeat.
   */
  read: (stdout: string) => Value;
  /** What its exit codes say; pgBackRest's own when left out. */
  meaningOf?: (code: number) => ExitMeaning;
  /** Looked up anew for every run, because the leader may have changed; null while there is no machine to run it on. */
  host: () => Promise<JobHost | null>;
  deadlineSeconds: number;
  /** It prints data: they are kept out of the operation's log. */
  printsData?: boolean;
  /** How long the step goes on trying what may pass by itself, in milliseconds. */
  patienceMs: number;
}

const lookAgainMs = 500;
const pauseMs = 2_000;
const pause = 'pause';

/** What a job that has succeeded printed, read. */
export class Answer<Value> {
  constructor(readonly value: Value) {}
}

/**
 * Drives one pgBackRest job from a step that is entered again and again: gives the answer when it has succeeded, else what the step
 * is to return. A run that failed for a reason that may pass is repeated after a pause, on the machine that is right by then.
 */
export async function drive<Value>(
  context: StepContext<unknown>,
  job: PgbackrestJob<Value>,
): Promise<Answer<Value> | Outcome> {
  const result = context.signal<JobResult>('job');
  const waitIsOver = context.expired;
  // The time of a run itself does not count: a backup that broke off after hours is worth another run.
  const waited = Date.now() - context.stepStartedAt.getTime() - (result?.durationMs ?? 0);
  const outOfPatience = waited > job.patienceMs;
  if (result) {
    const verdict = judge(result, job);
    if (verdict instanceof Answer) return verdict;
    const cause = verdict.cause.charAt(0).toUpperCase() + verdict.cause.slice(1);
    if (!verdict.passing || outOfPatience) return fail(cause, verdict.remedy);
    if (!waitIsOver) {
      await context.note(`${cause}; trying again.`);
      return wait(pause, pauseMs);
    }
  } else if (waitIsOver) {
    return fail(
      'The job did not report its end.',
      'Look whether ansible-runner and NATS are running, then retry the operation.',
    );
  }
  const host = await job.host();
  if (host) {
    const { deadlineSeconds, printsData = false } = job;
    const argv = typeof job.argv === 'function' ? job.argv(host) : job.argv;
    return runJob({
      ...{ kind: 'command', host, runAs: 'postgres', argv, deadlineSeconds },
      ...{ capture: true, logged: !printsData },
    });
  }
  if (outOfPatience)
    return fail(
      'The cluster has no leader to run pgBackRest on.',
      'Look at GET /clusters/:clusterId; when it has a leader again, retry the operation.',
    );
  return again(lookAgainMs);
}

const judge = <Value>(
  result: JobResult,
  { read, meaningOf }: PgbackrestJob<Value>,
): Answer<Value> | Verdict => {
  if (result.state !== 'succeeded') return jobVerdict(result, meaningOf);
  try {
    return new Answer(read(result.output ?? ''));
  } catch (error) {
    const cause = error instanceof Error ? error.message : String(error);
    if (error instanceof InfoUnreadable)
      return { cause, remedy: 'Remove the cause, then retry the operation.', passing: true };
    return {
      cause: `the output of the job on the machine means nothing to backup-service: ${cause}`,
      remedy:
        'Compare the version of pgBackRest on the machine with the supported one, then retry the operation.',
      passing: false,
    };
  }
};
