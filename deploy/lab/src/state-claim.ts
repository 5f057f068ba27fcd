import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Cgroup } from './cgroup';
import type { LabPaths } from './lab-paths';
import { removeIfEmpty } from './remove-if-empty';
import type { LabSettings } from './settings';

/**
 * A state folder belongs to one lab and one subnet, because its machines have addresses there. A running lab belongs to one state
 * folder, because the host's bridge, groups and rules carry only the lab's name. Any other combination is refused.
 */
export function claimState(settings: LabSettings, paths: LabPaths): void {
  refuseOtherState(settings, paths);
  const file = stateOwner(paths);
  const mine = { lab: settings.lab, subnet: settings.subnet.toString() };
  mkdirSync(dirname(running(settings)), { recursive: true });
  if (!existsSync(file)) writeFileSync(file, JSON.stringify(mine));
  const owner = JSON.parse(readFileSync(file, 'utf8')) as typeof mine;
  if (owner.lab !== mine.lab || owner.subnet !== mine.subnet) {
    throw new Error(
      `${paths.state} holds lab ${owner.lab} on ${owner.subnet}, not ${mine.lab} on ${mine.subnet}: ` +
        'set PGFLEET_LAB, PGFLEET_SUBNET and PGFLEET_STATE together, or stop that lab first',
    );
  }
  writeFileSync(running(settings), paths.state);
}

/** Throws if the lab with this name runs from another state folder; creates nothing. */
export function refuseOtherState(settings: LabSettings, paths: LabPaths): void {
  if (!new Cgroup(paths.cgroup).exists || !existsSync(running(settings))) return;
  const state = readFileSync(running(settings), 'utf8');
  if (state === paths.state) return;
  throw new Error(
    `lab ${settings.lab} runs with its state in ${state}, not ${paths.state}: set PGFLEET_STATE, or choose another PGFLEET_LAB`,
  );
}

export function releaseState(settings: LabSettings): void {
  rmSync(running(settings), { force: true });
  removeIfEmpty(dirname(running(settings)));
}

/** The file in the state folder that names its owner. */
export function stateOwner(paths: LabPaths): string {
  return join(paths.state, 'lab.json');
}

/** The file that names, until the host's next boot, where a lab runs from. */
function running(settings: LabSettings): string {
  return `/run/pgfleet/${settings.lab}.state`;
}
