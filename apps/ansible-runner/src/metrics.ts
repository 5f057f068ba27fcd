import type { Job, JobResult } from '@pgfleet/contracts';
import { Gauge, Histogram } from 'prom-client';

const running = new Gauge({
  name: 'pgfleet_jobs_running',
  help: 'Jobs that run now.',
  labelNames: ['kind'],
});
const seconds = new Histogram({
  name: 'pgfleet_job_seconds',
  help: 'Duration of a run of a job. outcome: the state of its result, or interrupted when another run follows.',
  labelNames: ['kind', 'outcome'],
  buckets: [0.5, 1, 2, 3, 5, 8, 15, 30, 60, 300, 1800, 7200],
});
const queueSeconds = new Histogram({
  name: 'pgfleet_job_queue_seconds',
  help: 'From the making of a job to the begin of its first run.',
  labelNames: ['kind'],
  buckets: [0.01, 0.05, 0.1, 0.5, 1, 5, 15, 60, 300],
});

/** A job's id is a UUIDv7: its first 48 bits are its creation time, in ms (RFC 9562, section 5.7). */
export const madeAt = (jobId: string): number =>
  parseInt(jobId.replace(/^job_/, '').replaceAll('-', '').slice(0, 12), 16);

/** Measures one run of a job; call the result with how the run ended. */
export const measureRun = (
  { id, kind }: Job,
  attempt: number,
): ((outcome: JobResult['state'] | 'interrupted') => void) => {
  if (attempt === 1) queueSeconds.observe({ kind }, Math.max(0, Date.now() - madeAt(id)) / 1000);
  running.inc({ kind });
  const stop = seconds.startTimer({ kind });
  return (outcome) => {
    running.dec({ kind });
    stop({ outcome });
  };
};
