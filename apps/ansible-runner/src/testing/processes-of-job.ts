import { readdirSync, readFileSync } from 'node:fs';

/** PIDs of the processes that carry the job in their environment. */
export const processesOfJob = (jobId: string): number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').includes(`PGFLEET_JOB=${jobId}`);
      } catch {
        return false;
      }
    });

/** A killed process that its parent has not reaped yet does not count. */
export const isAlive = (pid: number): boolean => {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
};
