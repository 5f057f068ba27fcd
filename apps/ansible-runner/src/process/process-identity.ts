import { readFileSync, readlinkSync } from 'node:fs';
import { z } from 'zod';

/**
 * Identifies a process uniquely for all time: the boot of the machine, the PID namespace (containers share a kernel and its boot
 * id), the PID, and when it started.
 */
export const ProcessIdentity = z.object({
  boot: z.string(),
  namespace: z.string(),
  pid: z.int(),
  startedAt: z.string(),
});
export type ProcessIdentity = z.infer<typeof ProcessIdentity>;

/** Field 22 of /proc/PID/stat, in clock ticks since boot. The name, field 2, may contain blanks and brackets. */
const startOf = (pid: number): string | undefined => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const [state, ...rest] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return state === 'Z' ? undefined : rest[18];
  } catch {
    return undefined;
  }
};

export const thisProcess: ProcessIdentity = {
  boot: readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim(),
  namespace: readlinkSync('/proc/self/ns/pid'),
  pid: process.pid,
  startedAt: startOf(process.pid) ?? '',
};

/** True only when it is certain: the process ran on this machine, and the kernel no longer has it. */
export const hasDied = ({ boot, namespace, pid, startedAt }: ProcessIdentity): boolean =>
  boot === thisProcess.boot && namespace === thisProcess.namespace && startOf(pid) !== startedAt;
