import { readFileSync } from 'node:fs';

/**
 * Hundredths of a second since the machine started: a clock that never jumps. `lease-exec` reads the same clock, so a moment
 * means the same in both processes.
 */
export const uptime = (): number => {
  const [seconds = ''] = readFileSync('/proc/uptime', 'utf8').split(' ');
  return Number(seconds.replace('.', ''));
};
