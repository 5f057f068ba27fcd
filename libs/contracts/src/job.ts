import { z } from 'zod';
import { ClusterId, JobId, OperationId } from './ids';

/**
 * A machine as Ansible and ssh see it. `hostKey` is its public ed25519 key, so that a connection is never to a stranger. The address is
 * IPv4: pg_hba.conf, certificates and URLs on the machines are written for nothing else.
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
   * How many seconds one run of the job may take; then its process group is killed. A job begins anew when its runner died or lost power,
   * and has the whole time again: time in which nothing could run must not count. The operation that waits for it bounds the total.
   */
  deadlineSeconds: z
    .int()
    .min(1)
    .max(24 * 3600),
});

/** Run a playbook of `deploy/ansible`. Secrets of the cluster are fetched by the runner at start, they are never in the job. */
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
 * Run one program on a machine as a transient systemd unit named after the job, its output streamed line by line; on several at the same
 * time, when `alsoOn` names more: then the job ends when it has ended on all, and with the first exit code that is not 0.
 */
export const CommandJob = JobBase.extend({
  kind: z.literal('command'),
  host: JobHost,
  alsoOn: z.array(JobHost).default([]),
  runAs: z.enum(['postgres', 'root']),
  argv: z.array(z.string().max(4096)).min(1).max(64),
  /** Keep standard output, that of `host`, in the result, byte by byte and whole: a job whose output cannot be kept whole fails. */
  capture: z.boolean().default(false),
  /** Show standard output in the operation's log, line by line. False for data, which nobody wants to read there. */
  logged: z.boolean().default(true),
});
export type CommandJob = z.infer<typeof CommandJob>;

export const Job = z.discriminatedUnion('kind', [PlaybookJob, CommandJob]);
export type Job = z.infer<typeof Job>;

export const jobSubject = (job: Pick<Job, 'kind' | 'id'>): string => `jobs.${job.kind}.${job.id}`;
