import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import type { LabPaths } from './lab-paths';
import { runCommand } from './run-command';
import type { LabSettings } from './settings';
import type { Subnet } from './subnet';

/**
 * Creates the lab's bridge with the gateway's address, if it does not exist. Its MTU is the uplink's, so that no packet sent
 * outside is too large.
 */
export async function ensureBridge(settings: LabSettings, paths: LabPaths): Promise<void> {
  if (existsSync(`/sys/class/net/${paths.bridge}`)) return;
  const { subnet } = settings;
  refuseUsedSubnet(subnet);
  await ip([
    `link add ${paths.bridge} mtu ${await uplinkMtu()} type bridge`,
    `addr add ${subnet.gateway}/${subnet.prefix} dev ${paths.bridge}`,
    `link set ${paths.bridge} up`,
  ]);
}

/**
 * Removes the bridge and every cable of the lab. A cable would disappear with its machine's namespace, but the kernel keeps that
 * for minutes while the dead machine's half-closed connections time out.
 */
export async function removeBridge(paths: LabPaths): Promise<void> {
  const cable = new RegExp(`^${paths.bridge.replace(/br$/, '')}(\\d+|br)$`);
  const links = readdirSync('/sys/class/net').filter((name) => cable.test(name));
  const batch = links.map((name) => `link del ${name}`).join('\n');
  // The kernel may have removed one meanwhile: the others are removed all the same.
  if (links.length > 0) await runCommand(['ip', '-force', '-batch', '-'], { input: batch, accept: [1] });
}

/** MTU of the lab's bridge, which its machines use too. */
export function bridgeMtu(paths: LabPaths): number {
  return Number(readFileSync(`/sys/class/net/${paths.bridge}/mtu`, 'utf8'));
}

/** Runs a batch of ip(8) commands in one process. */
export async function ip(commands: readonly string[]): Promise<void> {
  await runCommand(['ip', '-batch', '-'], { input: commands.join('\n') });
}

function refuseUsedSubnet(subnet: Subnet): void {
  for (const [device, addresses] of Object.entries(networkInterfaces())) {
    const used = addresses?.find(({ family, address }) => family === 'IPv4' && subnet.contains(address));
    if (used)
      throw new Error(
        `subnet ${subnet} is in use: ${device} has ${used.address}. Choose another by PGFLEET_SUBNET`,
      );
  }
}

async function uplinkMtu(): Promise<number> {
  const device = / dev (\S+)/.exec(await runCommand(['ip', '-4', 'route', 'show', 'default']))?.[1];
  return device ? Number(readFileSync(`/sys/class/net/${device}/mtu`, 'utf8')) : 1500;
}
