import type { JobHost, JobResult } from '@pgfleet/contracts';
import { again, fail, runJob, wait, type Outcome, type StepContext } from '@pgfleet/operations';
import { type Argv, type ExitMeaning, InfoUnreadable } from '@pgfleet/pgbackrest';
import { jobVerdict, type Verdict } from './job-verdict';

export interface PgbackrestJob<Value> {
  /** The command, for the machine that it runs on. */
  argv: Argv | ((host: JobHost) => Argv);
  /**
   * Parses the output into what the step needs. Throws `InfoUnreadable` when the repository gave no answer, which may pass.
   * Output that it cannot parse is an error that another run would only repeat.
   */
  read: (stdout: string) => Value;
  /** What the command's exit codes mean; pgBackRest's own meanings by default. */
  meaningOf?: (code: number) => ExitMeaning;
  /** Looked up again for every run, because the leader may have changed; null while there is no machine for the job. */
  host: () => Promise<JobHost | null>;
  deadlineSeconds: number;
  /** The output is data, so it stays out of the operation's log. */
  printsData?: boolean;
  /** How long the step keeps retrying faults that may pass by themselves, in milliseconds. */
  patienceMs: number;
}

const lookAgainMs = 500;
const pauseMs = 2_000;
const pause = 'pause';

/** The parsed output of a job that succeeded. */
export class Answer<Value> {
  constructor(readonly value: Value) {}
}

/**
 * Drives one pgBackRest job from a step that runs repeatedly. Returns the answer once the job has succeeded, and until then the
 * outcome that the step must return. After a fault that may pass, the job runs again after a pause, on whichever machine is right
 * by then.
 */
export async function drive<Value>(
  context: StepContext<unknown>,
  job: PgbackrestJob<Value>,
): Promise<Answer<Value> | Outcome> {
  const result = context.signal<JobResult>('job');
  const waitIsOver = context.expired;
  // The run's own duration does not count: a backup that broke off after hours is worth another run.
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
