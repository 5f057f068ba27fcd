import type { JobResult } from '@pgfleet/contracts';
import { fail, type Outcome } from '@pgfleet/operations';

const isUnreachable = (message: string): boolean =>
  /unreachable|failed to connect|timed out.*ssh/i.test(message);

/** Turns a job that did not succeed into a cause and a remedy for the operation's reader. */
export function explainFailedJob(result: JobResult): Outcome {
  const all = 'GET /operations/:id/log has the whole output.';
  if (result.state === 'timed_out')
    return fail('The playbook did not end before its deadline.', `Retry the operation. ${all}`);
  if (result.state === 'cancelled') return fail('The job was cancelled.', 'Retry the operation to go on.');
  const unreachable = result.failures.filter(({ message }) => isUnreachable(message));
  if (unreachable.length > 0) {
    const hosts = [...new Set(unreachable.map(({ host }) => host))].join(', ');
    const remedy = `Bring the machine back (power, network, ssh), then retry the operation. ${all}`;
    return fail(`${hosts} cannot be reached over ssh: ${unreachable[0]?.message ?? ''}`, remedy);
  }
  const failures = result.failures.map(({ host, task, message }) => `${host}: ${task}: ${message}`);
  const cause = failures.join('; ') || `The playbook ended with exit code ${result.exitCode ?? 'none'}.`;
  return fail(cause, `Remove the cause, then retry the operation. ${all}`);
}
