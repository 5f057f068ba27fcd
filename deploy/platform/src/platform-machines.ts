import type { LabClient, MachineView } from '@pgfleet/lab';

/** The lab's own machines, by Ansible group: what a production install would list in its inventory. */
export const platformGroups = {
  etcd: ['etcd1', 'etcd2', 'etcd3'],
  nats: ['infra1'],
  management_database: ['infra1'],
  object_store: ['objects1'],
  control: ['control1'],
} as const;

export const platformMachineNames = [...new Set(Object.values(platformGroups).flat())];

/** Boots the platform's machines, all at once. Running machines stay as they are; those that are off are switched on. */
export async function bootPlatformMachines(
  lab: LabClient,
): Promise<{ machines: MachineView[]; changed: boolean }> {
  const before = new Map((await lab.list()).map((machine) => [machine.name, machine]));
  const changed = platformMachineNames.some((name) => before.get(name)?.state !== 'running');
  const machines = await Promise.all(
    platformMachineNames.map(async (name) => {
      const existing = before.get(name);
      if (!existing) await lab.create(name, { role: name.replace(/\d+$/, ''), sshKeys: [] });
      else if (existing.state === 'off') await lab.setPower(name, 'on');
      return lab.get(name, 60);
    }),
  );
  const down = machines.filter(({ state }) => state !== 'running');
  if (down.length > 0) {
    const list = down.map(({ name, state }) => `${name} is ${state}`).join(', ');
    throw new Error(`${list}; npm run lab -- logs ${down[0]?.name} shows its journal`);
  }
  return { machines, changed };
}
