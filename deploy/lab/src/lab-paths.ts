import { join } from 'node:path';
import type { LabSettings } from './settings';

/** Port of labd's API on the bridge. */
export const LABD_PORT = 7070;

/** Where everything of one lab is on the host. */
export function labPaths(settings: LabSettings) {
  const { stateDir, cacheDir, lab } = settings;
  return {
    state: stateDir,
    machines: join(stateDir, 'machines'),
    socket: join(stateDir, 'labd.sock'),
    token: join(stateDir, 'labd.token'),
    labdLog: join(stateDir, 'labd.log'),
    lock: join(stateDir, 'lab.lock'),
    capacity: join(stateDir, 'capacity.json'),
    /** How programs of this host reach what runs in the lab; kept by whoever brought that up. */
    access: join(stateDir, 'access.json'),
    sshKey: join(stateDir, 'ssh', 'id_ed25519'),
    knownHosts: join(stateDir, 'ssh', 'known_hosts'),
    sshConfig: join(stateDir, 'ssh', 'config'),
    images: join(cacheDir, 'images'),
    bridge: `${lab}-br`,
    natTable: `pgfleet_${lab}`,
    cgroup: `pgfleet-${lab}`,
  };
}

export type LabPaths = ReturnType<typeof labPaths>;
