import { hostname } from 'node:os';
import { z } from 'zod';
import { ProcessIdentity } from '../process/process-identity';

/** The value of a lease: who runs the job. */
export const LeaseHolder = z.object({
  /** Different each time a lease is acquired. */
  token: z.string(),
  machine: z.string(),
  process: ProcessIdentity,
});
export type LeaseHolder = z.infer<typeof LeaseHolder>;

export const machineName = hostname();
