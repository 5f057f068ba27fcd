import type { JobResult } from '@pgfleet/contracts';
import { jobVerdict } from './job-verdict';

/**
 * Why no backup could be made from a replica, in a line. Of a member that it cannot use pgBackRest says the reason in a warning, and its
 * error says only what it misses then.
 */
export const replicaFault = (result: JobResult): string => {
  const [, reason] = /WARN: unable to check pg\d+: ([^\n]*)/.exec(result.output ?? '') ?? [];
  const [host] = result.failures.map((failure) => failure.host);
  return reason ? `${host ?? 'the replica'}: ${reason}` : jobVerdict(result).cause.replace(/\s+/g, ' ');
};
