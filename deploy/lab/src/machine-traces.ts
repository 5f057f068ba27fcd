import { rm } from 'node:fs/promises';
import { existsSync, readdirSync } from 'node:fs';
import { Cgroup, removeGroups } from './cgroup';
import type { LabPaths } from './lab-paths';
import { machinePaths } from './machine-paths';
import { unmountUnder } from './mounts';
import { removeNspawnTraces } from './nspawn';
import type { LabSettings } from './settings';

/** Removes everything that a machine has on the host, including its disk, from its name alone: whatever state a crash left it in. */
export async function removeMachineTraces(settings: LabSettings, lab: LabPaths, name: string): Promise<void> {
  await endMachine(settings, lab, name);
  await rm(machinePaths(lab, name).dir, { recursive: true, force: true });
}

/** Ends a machine and removes its mounts and groups, but keeps its disk. */
export async function endMachine(settings: LabSettings, lab: LabPaths, name: string): Promise<void> {
  const paths = machinePaths(lab, name);
  await new Cgroup(paths.cgroup).kill();
  await removeGroups(paths.cgroup);
  await unmountUnder(paths.dir);
  await rm(paths.netns, { force: true });
  await removeNspawnTraces(settings.lab, name);
}

/** Names of all machines that have a folder or a group on this host. */
export function machinesWithTraces(lab: LabPaths): string[] {
  const groups = new Cgroup(`${lab.cgroup}/machines`).path;
  const names = [lab.machines, groups].filter((dir) => existsSync(dir)).flatMap((dir) => subfolders(dir));
  return [...new Set(names)];
}

function subfolders(dir: string): string[] {
  return readdirSync(dir, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name);
}
