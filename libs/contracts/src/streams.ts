/** JetStream streams and the subjects that they capture. The admin user creates them once; services never do. */
export const streams = {
  events: { name: 'EVENTS', subjects: ['events.>'] },
  jobs: { name: 'JOBS', subjects: ['jobs.>'] },
  steps: { name: 'STEPS', subjects: ['steps.>'] },
  logs: { name: 'LOGS', subjects: ['logs.>'] },
  dead: { name: 'DEAD', subjects: ['dead.>'] },
} as const;

/** Key-value buckets of the ansible-runner: which runner has a job, the results of jobs, and the jobs to cancel. */
export const buckets = {
  jobLeases: { name: 'job_leases', ttlSeconds: 15 },
  jobResults: { name: 'job_results', ttlSeconds: 24 * 3600 },
  jobCancels: { name: 'job_cancels', ttlSeconds: 24 * 3600 },
} as const;

/** Object store for job output that is too long for `job.finished`. Output is kept until the ttl passes. */
export const jobOutputs = { name: 'job_outputs', ttlSeconds: 24 * 3600, maxBytes: 1024 ** 3 } as const;

/** The services of the platform. NATS subjects and users have the same names. */
export const services = [
  'api-gateway',
  'cluster-service',
  'backup-service',
  'healthcheck-scheduler',
  'ansible-runner',
] as const;
export type ServiceName = (typeof services)[number];

export const stepSubject = (service: ServiceName, operationId: string): string =>
  `steps.${service}.${operationId}`;
export const logSubject = (operationId: string): string => `logs.${operationId}`;
