import { readFileSync, writeFileSync } from 'node:fs';

const LIMIT = '/proc/sys/fs/inotify/max_user_instances';
/** inotify instances per machine: systemd, journald, D-Bus, logind and everything that watches files there. Measured: 5 or 6. */
const PER_MACHINE = 6;
/** For everything else that runs on this host. */
const RESERVE = 64;
const WANTED = 4096;

/**
 * Raises the kernel's limit on inotify instances. Root shares it across all machines of the host, and a machine that gets none
 * does not boot ("Too many open files"). The default, 128, is enough for about twenty. Does nothing when the limit is high enough
 * or cannot be changed.
 */
export function raiseInotifyLimit(): void {
  if (instances() >= WANTED) return;
  try {
    writeFileSync(LIMIT, String(WANTED));
  } catch (error) {
    console.error(
      `cannot raise ${LIMIT}: ${(error as Error).message}. The lab takes ${machinesWithin(instances())} machines; ` +
        `for more: sysctl -w fs.inotify.max_user_instances=${WANTED}`,
    );
  }
}

/** How many machines the kernel's limit allows on this host. */
export const bootableMachines = (): number => machinesWithin(instances());

export const machinesWithin = (limit: number): number =>
  Math.max(0, Math.floor((limit - RESERVE) / PER_MACHINE));

function instances(): number {
  return Number(readFileSync(LIMIT, 'utf8'));
}
