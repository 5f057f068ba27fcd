import { readFileSync, writeFileSync } from 'node:fs';
import { labPaths, type LabSettings, type MachineView } from '@pgfleet/lab';
import type { ControlMachine } from './control-machine';

/** How a program reaches the platform: the API with its token, and NATS as a system that only subscribes. */
export interface PlatformAccess {
  api: { url: string; token: string };
  nats: { url: string; user: string; password: string; ca: string };
}

const addressOf = (machines: MachineView[], name: string): string => {
  const machine = machines.find((candidate) => candidate.name === name);
  if (!machine)
    throw new Error(`the platform is not up: there is no machine ${name}; npm start brings it up`);
  return machine.address;
};

/** Reads the credentials where Ansible created them, on the control machine. */
export async function platformAccess(
  control: ControlMachine,
  machines: MachineView[],
): Promise<PlatformAccess> {
  const files = ['credentials/api_token', 'credentials/nats_subscriber', 'ca.crt'].map(
    (file) => `/etc/pgfleet/${file}`,
  );
  const separator = '-- next file --';
  const output = await control.run(`for f in ${files.join(' ')}; do cat $f; echo; echo '${separator}'; done`);
  const [token = '', password = '', ca = ''] = output.split(separator).map((text) => text.trim());
  return {
    api: { url: `http://${addressOf(machines, 'control1')}:8080`, token: token.split('\n')[0] ?? '' },
    nats: { url: `tls://${addressOf(machines, 'infra1')}:4222`, user: 'subscriber', password, ca },
  };
}

/** Saves the access on this host, readable by root only, so that commands need not log in to the control machine for it. */
export function saveAccess(settings: LabSettings, access: PlatformAccess): void {
  writeFileSync(labPaths(settings).access, JSON.stringify(access), { mode: 0o600 });
}

/** The access that `npm start` saved. Throws when there is no platform in this lab. */
export function savedAccess(settings: LabSettings): PlatformAccess {
  try {
    return JSON.parse(readFileSync(labPaths(settings).access, 'utf8')) as PlatformAccess;
  } catch {
    throw new Error(`the platform is not up in lab ${settings.lab}; npm start brings it up`);
  }
}
