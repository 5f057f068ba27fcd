import type { CommandJob } from '@pgfleet/contracts';
import { shellQuote } from '../ssh/shell-quote';

/** How long a stopped program may take to end before systemd kills it. */
const stopSeconds = 15;
/** A unit whose runner is gone for good ends by itself this long after the job's deadline. */
const orphanSeconds = 60;
/** EX_TEMPFAIL of sysexits.h: an earlier run would not end. */
export const stillRunning = 75;

/** The transient unit that runs a job's command, e.g. `pgfleet-job-0197….service`. */
export const unitOf = (jobId: string): string => `pgfleet-job-${jobId.replace(/^job_/, '')}.service`;

/** Shell: stops a job's unit, waits until it is gone, and fails with `stillRunning` if it is not. */
export const stopScript = (jobId: string): string => {
  const unit = unitOf(jobId);
  return `systemctl stop ${unit} 2>/dev/null
case $(systemctl show --property=ActiveState --value ${unit}) in
  inactive | failed) ;;
  *) echo "${unit} of an earlier run does not end" >&2; exit ${stillRunning} ;;
esac`;
};

interface Run {
  /** Counted from 1, across all runners. */
  attempt: number;
  secondsLeft: number;
}

/**
 * Shell: runs the job's command as its unit and passes on its output and exit code. A later attempt first stops whatever an
 * earlier one may have left, so that two never run at once; systemd itself also refuses a second unit of that name. The command's
 * own 255 becomes 254: ssh itself exits with 255 when the connection is lost, often without a message.
 * @see systemd-run(1); in its command `$$` stands for a dollar sign
 */
export const runScript = (job: CommandJob, { attempt, secondsLeft }: Run): string => {
  const options = [
    '--quiet',
    '--pipe',
    '--wait',
    '--collect',
    '--service-type=exec',
    `--unit=${unitOf(job.id)}`,
    ...(job.runAs === 'root' ? [] : [`--uid=${job.runAs}`]),
    `--property=TimeoutStopSec=${stopSeconds}s`,
    `--property=RuntimeMaxSec=${Math.ceil(secondsLeft) + orphanSeconds}s`,
  ];
  const argv = job.argv.map((argument) => shellQuote(argument.replaceAll('$', '$$$$')));
  return `${attempt > 1 ? stopScript(job.id) : ''}
systemd-run ${options.join(' ')} -- ${argv.join(' ')}
code=$?
[ $code -ne 255 ] || code=254
exit $code`;
};
