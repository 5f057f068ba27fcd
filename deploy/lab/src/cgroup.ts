import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/** Where cgroup v2 is mounted: /sys/fs/cgroup on a current host, /sys/fs/cgroup/unified beside v1 controllers. */
export function cgroup2Mount(mounts: string = readFileSync('/proc/self/mounts', 'utf8')): string {
  const line = mounts.split('\n').find((mount) => mount.split(' ')[2] === 'cgroup2');
  if (!line)
    throw new Error('no cgroup v2 hierarchy is mounted: run "mount -t cgroup2 none /sys/fs/cgroup/unified"');
  return line.split(' ')[1];
}

/**
 * A cgroup v2 process group. Killing and freezing it needs no controller, so it works on hosts that give all controllers to v1.
 * It reaches every process of the group, whatever the process forked: that makes the group a machine's power switch.
 */
export class Cgroup {
  readonly path: string;

  constructor(name: string, mount: string = cgroup2Mount()) {
    this.path = join(mount, name);
  }

  get exists(): boolean {
    return existsSync(this.path);
  }

  /** The file through which a process enters the group. */
  get procs(): string {
    return join(this.path, 'cgroup.procs');
  }

  get events(): string {
    return join(this.path, 'cgroup.events');
  }

  create(): void {
    mkdirSync(this.path, { recursive: true });
  }

  /** True while any process of the group is alive. */
  get populated(): boolean {
    return this.event('populated');
  }

  get frozen(): boolean {
    return this.event('frozen');
  }

  /** Freezes or thaws every process of the group; resolves when the kernel reports that all of them are stopped. */
  async freeze(frozen: boolean): Promise<void> {
    writeFileSync(join(this.path, 'cgroup.freeze'), frozen ? '1' : '0');
    while (this.populated && this.frozen !== frozen) await delay(2);
  }

  /** Kills every process of the group with SIGKILL, frozen ones too; resolves when none is left. */
  async kill(): Promise<void> {
    if (!this.exists) return;
    writeFileSync(join(this.path, 'cgroup.kill'), '1');
    while (this.populated) await delay(2);
  }

  private event(key: string): boolean {
    try {
      return readFileSync(this.events, 'utf8').includes(`${key} 1`);
    } catch (error) {
      if (isAbsent(error)) return false;
      throw error;
    }
  }
}

/**
 * Where a group with this name would be: in v2's hierarchy, and in each v1 hierarchy that the host still has. The lab itself uses
 * v2's and the cpu controller's; systemd-nspawn also creates groups in the one named systemd.
 */
export function groupFolders(
  name: string,
  mounts: string = readFileSync('/proc/self/mounts', 'utf8'),
): string[] {
  return mounts
    .split('\n')
    .map((mount) => mount.split(' '))
    .filter(([, , type]) => type === 'cgroup' || type === 'cgroup2')
    .map(([, point]) => join(point, name));
}

/** Removes this group and its subgroups from every hierarchy of the host; no process may be left in it. */
export async function removeGroups(name: string): Promise<void> {
  for (const folder of groupFolders(name)) await removeGroup(folder);
}

async function removeGroup(path: string): Promise<void> {
  for (let attempt = 1; existsSync(path); attempt++) {
    try {
      removeTree(path);
    } catch (error) {
      // A process that has just died leaves its group a moment after the group reports that it is empty.
      if (attempt === 200) throw error;
      await delay(5);
    }
  }
}

function removeTree(path: string): void {
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    if (entry.isDirectory()) removeTree(join(path, entry.name));
  }
  rmdirSync(path);
}

function isAbsent(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code;
  return code === 'ENOENT' || code === 'ENODEV';
}
