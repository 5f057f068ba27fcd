import { randomInt } from 'node:crypto';
import {
  ensureHostPackages,
  ensureImage,
  type LabClient,
  labPaths,
  labSettings,
  startLabd,
  stopLab,
} from '@pgfleet/lab';

export interface Machines {
  /** Freezes, disconnects and powers machines. */
  readonly lab: LabClient;
  /** Private key that logs in as root. */
  readonly keyFile: string;
  /** Boots a machine; resolves when its sshd answers. */
  boot(name: string): Promise<{ name: string; address: string; hostKey: string }>;
  stop(): Promise<void>;
}

/**
 * Real machines for a spec: a separate lab, with a name and a subnet that no other lab of this host is likely to have.
 * @example const machines = await startMachines(); afterAll(() => machines.stop());
 */
export const startMachines = async (): Promise<Machines> => {
  const settings = labSettings({
    PGFLEET_LAB: `s${randomInt(36 ** 5).toString(36)}`,
    PGFLEET_SUBNET: `10.${randomInt(200, 250)}.${randomInt(256)}.0/24`,
    PGFLEET_CACHE: process.env.PGFLEET_CACHE,
  });
  await ensureHostPackages();
  await ensureImage(settings);
  const lab = await startLabd(settings);
  return {
    lab,
    keyFile: labPaths(settings).sshKey,
    boot: async (name) => {
      await lab.create(name, { role: 'spec', sshKeys: [], labels: {} });
      const { address, hostKey, state, bootFailure } = await lab.get(name, 30);
      if (state !== 'running') throw new Error(`${name} is ${state}: ${bootFailure ?? 'see its console'}`);
      return { name, address, hostKey };
    },
    stop: () => stopLab(settings),
  };
};
