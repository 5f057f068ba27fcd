import { z } from 'zod';
import { ClusterId, JobId, OperationId } from './ids';

/**
 * A machine as Ansible and ssh see it. `hostKey` is its public ed25519 key, which ssh verifies on every connection. The address is IPv4,
 * because pg_hba.conf, certificates and URLs on the machines support nothing else.
 */
export const JobHost = z.object({
  name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/),
  address: z.ipv4(),
  hostKey: z.string().regex(/^ssh-ed25519 [A-Za-z0-9+/=]+$/),
  user: z
    .string()
    .regex(/^[a-z_][a-z0-9_-]*$/)
    .default('root'),
});
export type JobHost = z.infer<typeof JobHost>;

const JobBase = z.object({
  id: JobId,
  operationId: OperationId,
  step: z.string(),
  /**
   * How many seconds one run of the job may take before its process group is killed. When the runner dies or loses power, the job starts
   * again with the full time, because time in which nothing could run must not count. The operation that waits for the job bounds the total.
   */
  deadlineSeconds: z
    .int()
    .min(1)
    .max(24 * 3600),
});

/** Runs a playbook of `deploy/ansible`. The runner fetches the cluster's secrets when it starts the job. The job never contains them. */
export const PlaybookJob = JobBase.extend({
  kind: z.literal('playbook'),
  playbook: z.string().regex(/^[a-z][a-z0-9_]*\.yml$/),
  groups: z.record(
    z.string().regex(/^[a-z_]+$/),
    z.array(JobHost.extend({ vars: z.record(z.string(), z.unknown()).default({}) })),
  ),
  vars: z.record(z.string(), z.unknown()),
  secretsOf: ClusterId.nullable(),
});
export type PlaybookJob = z.infer<typeof PlaybookJob>;

/**
 * Runs one program on a machine as a transient systemd unit named after the job, and streams its output line by line. With `alsoOn` it
 * runs on several machines at once. The job then ends when all have ended, with the first exit code that is not 0.
 */
export const CommandJob = JobBase.extend({
  kind: z.literal('command'),
  host: JobHost,
  alsoOn: z.array(JobHost).default([]),
  runAs: z.enum(['postgres', 'root']),
  argv: z.array(z.string().max(4096)).min(1).max(64),
  /** Whether the result contains the standard output of `host`, unchanged and complete. The job fails if it cannot keep all of it. */
  capture: z.boolean().default(false),
  /** Whether standard output appears in the operation's log, line by line. False for data, which is useless there. */
  logged: z.boolean().default(true),
});
export type CommandJob = z.infer<typeof CommandJob>;

export const Job = z.discriminatedUnion('kind', [PlaybookJob, CommandJob]);
export type Job = z.infer<typeof Job>;

export const jobSubject = (job: Pick<Job, 'kind' | 'id'>): string => `jobs.${job.kind}.${job.id}`;
