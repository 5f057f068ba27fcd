import type { JobResult } from '@pgfleet/contracts';
import { jobVerdict } from './job-verdict';

/**
 * Why no backup could be created from a replica, in one line. When pgBackRest cannot use a member, the reason is in a warning;
 * its error names only what is then missing.
 */
export const replicaFault = (result: JobResult): string => {
  const [, reason] = /WARN: unable to check pg\d+: ([^\n]*)/.exec(result.output ?? '') ?? [];
  const [host] = result.failures.map((failure) => failure.host);
  return reason ? `${host ?? 'the replica'}: ${reason}` : jobVerdict(result).cause.replace(/\s+/g, ' ');
};
