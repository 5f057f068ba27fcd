import type { JobResult } from '@pgfleet/contracts';
import { exitMeaning } from '@pgfleet/pgbackrest';

export interface Verdict {
  cause: string;
  remedy: string;
  /** The fault may pass by itself soon: worth another run, perhaps on another machine. */
  passing: boolean;
}

/** ssh's own exit code for a connection that failed or broke. */
const sshFailed = 255;
/** EX_TEMPFAIL: the runner found an earlier run of the job that does not end. */
const stillRunning = 75;
const log = 'GET /operations/:id/log has the whole output.';

/** The line in which pgBackRest reports the error, e.g. `[056]: unable to find primary cluster`. */
const errorLine = (message: string): string | undefined => /ERROR: (\[\d{3}\]: [^\n]*)/.exec(message)?.[1];

/** Why a pgBackRest job failed, and whether to run it again. */
export function jobVerdict(result: JobResult, meaningOf = exitMeaning): Verdict {
  const said = result.failures
    .map(({ host, message }) => `${host}: ${errorLine(message) ?? message}`)
    .join('; ');
  if (result.state === 'timed_out')
    return {
      cause: 'pgBackRest did not end before its deadline',
      remedy: `Retry the operation. ${log}`,
      passing: false,
    };
  if (result.state === 'cancelled')
    return { cause: 'the job was cancelled', remedy: 'Retry the operation to go on.', passing: false };
  // pgBackRest succeeded, but its output was lost on the way here.
  if (result.exitCode === 0) return { cause: said, remedy: `Retry the operation. ${log}`, passing: false };
  if (result.exitCode === sshFailed || result.exitCode === null || result.exitCode === stillRunning) {
    const cause = `the machine cannot run pgBackRest now: ${said || 'it gave no answer'}`;
    return {
      cause,
      remedy: 'Bring the machine back (power, network, ssh), then retry the operation.',
      passing: true,
    };
  }
  const meaning = meaningOf(result.exitCode);
  return {
    cause: said ? `${meaning.cause} (${said})` : meaning.cause,
    remedy: `${meaning.remedy} ${log}`,
    passing: meaning.passing,
  };
}
