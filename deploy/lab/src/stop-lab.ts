import { existsSync, rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { removeBridge } from './bridge';
import { Cgroup, removeGroups } from './cgroup';
import { withFileLock } from './file-lock';
import { labPaths, type LabPaths } from './lab-paths';
import { machinePaths } from './machine-paths';
import { readRecord, writeRecord } from './machine-record';
import { endMachine, machinesWithTraces, removeMachineTraces } from './machine-traces';
import { removeNat } from './nat';
import { removeIfEmpty } from './remove-if-empty';
import { refuseOtherState, releaseState, stateOwner } from './state-claim';
import { DEFAULT_STATE_ROOT, type LabSettings } from './settings';

export interface StopOptions {
  /** Keep the machines' disks, addresses and keys: the next start switches on again what was running. */
  readonly keepData?: boolean;
}

/**
 * Ends a lab: machines lose power, labd ends, and mounts, bridge, cables, rules, groups and files are removed. Works from what is
 * on the host, not from labd's knowledge, so it also removes what a killed run left. Does nothing when there is nothing.
 */
export async function stopLab(settings: LabSettings, { keepData = false }: StopOptions = {}): Promise<void> {
  const paths = labPaths(settings);
  refuseOtherState(settings, paths);
  const existed = existsSync(paths.state);
  await withFileLock(paths.lock, async () => {
    await new Cgroup(`${paths.cgroup}/labd`).kill();
    await removeBridge(paths);
    await Promise.all(
      machinesWithTraces(paths).map(async (name) => {
        if (!keepData) return removeMachineTraces(settings, paths, name);
        rememberPower(paths, name);
        await endMachine(settings, paths, name);
      }),
    );
    await removeGroups(paths.cgroup);
    await removeNat(paths);
    releaseState(settings);
    await rm(paths.socket, { force: true });
    if (!keepData) await removeState(paths);
  });
  if (!existed || !keepData) removeEmptyState(paths);
}

/** A machine that is running now must run again at the next start. */
function rememberPower(paths: LabPaths, name: string): void {
  const { record, cgroup } = machinePaths(paths, name);
  if (existsSync(record) && new Cgroup(cgroup).populated)
    writeRecord(record, { ...readRecord(record), hostBoot: '' });
}

/** Removes only the lab's own files: others may keep files in the state folder too. */
async function removeState(paths: LabPaths): Promise<void> {
  const own = [
    paths.machines,
    paths.capacity,
    paths.access,
    paths.token,
    paths.labdLog,
    dirname(paths.sshKey),
    stateOwner(paths),
  ];
  for (const path of own) await rm(path, { recursive: true, force: true });
}

/** The lock goes last. The folder above the state goes only if it is our own default and has no other lab in it. */
function removeEmptyState(paths: LabPaths): void {
  rmSync(paths.lock, { force: true });
  removeIfEmpty(paths.state);
  if (dirname(paths.state) === DEFAULT_STATE_ROOT) removeIfEmpty(DEFAULT_STATE_ROOT);
}
