import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { cgroup2Mount } from './cgroup';

/**
 * Machines share a host's CPUs as if each had its own. Without this the kernel shares them by session (autogroup). All of a
 * PostgreSQL, which is one session, would get as much as each of the many services of the control plane or the object store. A
 * switchover under load waits for the CPU at every step, and took twice as long (docs/benchmarks.md).
 *
 * When the CPUs are overcommitted, the databases come first, with what they and their customers need to continue.
 */
const platformRoles = ['control', 'objects'];
const weightOf = (role: string): number => (platformRoles.includes(role) ? 10 : 100);
/** The weight of the whole lab, against the host's sessions with 100 each. */
const labWeight = 1000;

/**
 * Assigns a CPU share to a machine's existing group. @returns the files through which a process enters it, in addition to the
 * group's own.
 */
export function claimCpu(lab: string, machineGroup: string, role: string): string[] {
  const mount = cpuMount();
  const share = mount ? shareBesideV2(mount) : shareInV2;
  share(lab, labWeight);
  return share(machineGroup, weightOf(role));
}

/** Where the cpu controller is mounted by itself, as on hosts that give their controllers to v1. */
export function cpuMount(mounts: string = readFileSync('/proc/self/mounts', 'utf8')): string | undefined {
  return mounts
    .split('\n')
    .map((mount) => mount.split(' '))
    .find(([, , type, options]) => type === 'cgroup' && options.split(',').includes('cpu'))?.[1];
}

const shareBesideV2 =
  (mount: string) =>
  (group: string, weight: number): string[] => {
    const path = join(mount, group);
    mkdirSync(path, { recursive: true });
    // 1024 is what v2 calls 100.
    writeFileSync(join(path, 'cpu.shares'), String(Math.round((weight * 1024) / 100)));
    return [join(path, 'cgroup.procs')];
  };

function shareInV2(group: string, weight: number): string[] {
  const mount = cgroup2Mount();
  const above: string[] = [];
  for (let path = dirname(join(mount, group)); path.startsWith(mount); path = dirname(path))
    above.unshift(path);
  try {
    for (const path of above) writeFileSync(join(path, 'cgroup.subtree_control'), '+cpu');
    writeFileSync(join(mount, group, 'cpu.weight'), String(weight));
  } catch (error) {
    // Some hosts keep the controller to themselves, as in a container: the machines then share like sessions, and everything else works.
    console.warn(`${group}: no part of the processors of its own: ${(error as Error).message}`);
  }
  return [];
}
