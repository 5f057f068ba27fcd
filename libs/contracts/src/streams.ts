/** JetStream streams, and the subject spaces that they capture. Provisioned once, by the admin user, never by a service. */
export const streams = {
  events: { name: 'EVENTS', subjects: ['events.>'] },
  jobs: { name: 'JOBS', subjects: ['jobs.>'] },
  steps: { name: 'STEPS', subjects: ['steps.>'] },
  logs: { name: 'LOGS', subjects: ['logs.>'] },
  dead: { name: 'DEAD', subjects: ['dead.>'] },
} as const;

/** Key-value buckets of the ansible-runner: who runs a job now, what a job ended with, which jobs are to be cancelled. */
export const buckets = {
  jobLeases: { name: 'job_leases', ttlSeconds: 15 },
  jobResults: { name: 'job_results', ttlSeconds: 24 * 3600 },
  jobCancels: { name: 'job_cancels', ttlSeconds: 24 * 3600 },
} as const;

/** Object store of what jobs printed, where that is too long for `job.finished`: so long it waits to be read. */
export const jobOutputs = { name: 'job_outputs', ttlSeconds: 24 * 3600, maxBytes: 1024 ** 3 } as const;

/** The services that answer requests and own operations; also their names in NATS subjects and users. */
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
