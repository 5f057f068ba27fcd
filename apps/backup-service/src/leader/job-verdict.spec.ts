import { newId, type JobResult } from '@pgfleet/contracts';
import { jobVerdict } from './job-verdict';

const result = (
  exitCode: number | null,
  message: string,
  state: JobResult['state'] = 'failed',
): JobResult => ({
  jobId: newId('job'),
  operationId: newId('op'),
  step: 'create_and_check',
  state,
  exitCode,
  durationMs: 1,
  failures: message ? [{ host: 'n1', task: 'pgbackrest', message }] : [],
  output: null,
});

describe('jobVerdict', () => {
  it("gives pgBackRest's own line, and tries again where there was no leader", () => {
    const verdict = jobVerdict(
      result(
        56,
        'ended with exit code 56: ERROR: [056]: unable to find primary cluster - cannot proceed\n       HINT: are all available clusters in recovery?',
      ),
    );
    expect(verdict).toMatchObject({
      cause:
        'no leader could be reached on the machine (n1: [056]: unable to find primary cluster - cannot proceed)',
      passing: true,
    });
  });

  it('does not try again what stays as it is', () => {
    expect(jobVerdict(result(82, 'ERROR: [082]: WAL segment 00… was not archived')).passing).toBe(false);
    expect(jobVerdict(result(null, '', 'timed_out')).passing).toBe(false);
    expect(jobVerdict(result(null, '', 'cancelled')).passing).toBe(false);
  });

  it('tries again where the machine could not be reached', () => {
    expect(jobVerdict(result(255, 'Failed to connect to the host via ssh: No route to host'))).toMatchObject({
      passing: true,
      cause: expect.stringContaining('No route to host'),
    });
    expect(jobVerdict(result(null, '')).passing).toBe(true);
  });
});
