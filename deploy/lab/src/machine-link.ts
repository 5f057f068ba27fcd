import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { bridgeMtu, ip } from './bridge';
import type { LabPaths } from './lab-paths';
import type { MachinePaths } from './machine-paths';
import { mountsUnder, unmountUnder } from './mounts';
import { runCommand } from './run-command';
import type { LabSettings } from './settings';

/**
 * A machine's network: a namespace with its interface, and a cable (veth) to the lab's bridge. The host creates both before the
 * machine starts, so that the machine is on the network from its first process on.
 */
export class MachineLink {
  constructor(
    private readonly settings: LabSettings,
    private readonly lab: LabPaths,
    private readonly machine: MachinePaths,
    private readonly host: number,
  ) {}

  /** The host's end of the cable. */
  get device(): string {
    return `${this.settings.lab}-${this.host}`;
  }

  /** Creates namespace and cable, plugged in or not. */
  async create(plugged: boolean): Promise<void> {
    await this.remove();
    writeFileSync(this.machine.netns, '');
    await runCommand(['unshare', `--net=${this.machine.netns}`, 'true']);
    const { subnet } = this.settings;
    const mtu = bridgeMtu(this.lab);
    await ip([
      `link add ${this.device} mtu ${mtu} type veth peer name eth0 address ${this.mac} mtu ${mtu} netns ${this.machine.netns}`,
      `link set ${this.device} master ${this.lab.bridge} ${plugged ? 'up' : 'down'}`,
    ]);
    const inside = [
      'link set lo up',
      `addr add ${subnet.address(this.host)}/${subnet.prefix} dev eth0`,
      'link set eth0 up',
      `route add default via ${subnet.gateway}`,
    ];
    const enter: [string, ...string[]] = ['nsenter', `--net=${this.machine.netns}`, 'ip', '-batch', '-'];
    await runCommand(enter, { input: inside.join('\n') });
  }

  /** Pulls the cable: nothing is sent any more, not even the end of connections. */
  async unplug(): Promise<void> {
    if (this.exists) await ip([`link set ${this.device} down`]);
  }

  async plug(): Promise<void> {
    if (this.exists) await ip([`link set ${this.device} up`]);
  }

  /** Removes cable and namespace; nothing answers at the address any more. */
  async remove(): Promise<void> {
    if (this.exists) await ip([`link del ${this.device}`]);
    if (mountsUnder(this.machine.netns).length > 0) await unmountUnder(this.machine.netns);
    rmSync(this.machine.netns, { force: true });
  }

  private get exists(): boolean {
    return existsSync(`/sys/class/net/${this.device}`);
  }

  /** The same at every boot, so that peers that remember it reach a rebooted machine at once. */
  private get mac(): string {
    const digest = createHash('sha256').update(`${this.settings.subnet} ${this.host}`).digest();
    return ['02', ...[...digest.subarray(0, 5)].map((byte) => byte.toString(16).padStart(2, '0'))].join(':');
  }

  /** Whether the cable is plugged in, as the kernel sees it. */
  get plugged(): boolean {
    if (!this.exists) return false;
    return (Number(readFileSync(`/sys/class/net/${this.device}/flags`, 'utf8')) & 1) === 1;
  }
}
