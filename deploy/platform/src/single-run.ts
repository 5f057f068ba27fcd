import { readFileSync, rmSync, writeFileSync } from 'node:fs';

/** When a process began, in ticks since boot; undefined when there is none. This distinguishes it from a later process with the same PID. */
const beganAt = (pid: number): string | undefined => {
  try {
    // The name in parentheses may contain anything; the rest is separated by spaces, and the start time is field 22.
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ')[19];
  } catch {
    return undefined;
  }
};

const holderOf = (file: string): number | undefined => {
  try {
    const [pid = 0, began] = readFileSync(file, 'utf8').split(' ').map(Number);
    return beganAt(pid) === String(began) ? pid : undefined;
  } catch {
    return undefined;
  }
};

/**
 * Makes this process the only one that tests in a lab: a second run would end the first one's machines as leftovers. A killed
 * run's mark does not count. Returns a function that removes the mark.
 */
export function claimLab(lab: string): () => void {
  const file = `/run/pgfleet-test-${lab}.pid`;
  const holder = holderOf(file);
  if (holder !== undefined) {
    throw new Error(
      `process ${holder} is testing in lab ${lab}: wait for it, or set PGFLEET_TEST_LAB, PGFLEET_TEST_SUBNET and PGFLEET_TEST_STATE`,
    );
  }
  writeFileSync(file, `${process.pid} ${beganAt(process.pid)}`);
  return () => rmSync(file, { force: true });
}
