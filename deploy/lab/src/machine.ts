import { existsSync, mkdirSync, watch, type FSWatcher } from 'node:fs';
import { rm } from 'node:fs/promises';
import { Cgroup, removeGroups } from './cgroup';
import { claimCpu } from './cpu-share';
import { imageDir } from './image';
import type { LabPaths } from './lab-paths';
import type { MachineView, PowerView } from './machine-api';
import { MachineLink } from './machine-link';
import { machinePaths, type MachinePaths } from './machine-paths';
import { currentBoot, writeRecord, type MachineRecord } from './machine-record';
import { mountDisk } from './machine-disk';
import { unmountUnder } from './mounts';
import { lastConsoleLines, removeNspawnTraces, startMachine } from './nspawn';
import { isFenced, noImage, notOff, poweredOff } from './problem';
import type { LabSettings } from './settings';
import { sshAccepts } from './ssh-readiness';

/**
 * One machine: disk (an overlay on the image), network (a namespace and a cable) and processes (a cgroup). Its power is what the
 * kernel reports about its cgroup, never what we remember. Changes to one machine run one after the other.
 */
export class Machine {
  readonly paths: MachinePaths;
  private readonly group: Cgroup;
  private readonly link: MachineLink;
  private turn: Promise<unknown> = Promise.resolve();
  private watcher?: FSWatcher;
  private ready = false;
  private bootFailure: string | null = null;
  private switchingOff = false;
  /** Between the decision to switch on and the first process, the group is empty although the machine is not dead. */
  private starting = false;
  private readonly listeners = new Set<() => void>();

  constructor(
    private readonly settings: LabSettings,
    private readonly lab: LabPaths,
    private record: MachineRecord,
  ) {
    this.paths = machinePaths(lab, record.name);
    this.group = new Cgroup(this.paths.cgroup);
    this.link = new MachineLink(settings, lab, this.paths, record.host);
  }

  get spec(): Readonly<MachineRecord> {
    return this.record;
  }

  get address(): string {
    return this.settings.subnet.address(this.record.host);
  }

  get view(): MachineView {
    const { address, state } = this;
    const { name, role, network, fenced, hostKey, labels, createdAt } = this.record;
    const { bootFailure } = this;
    return { name, role, address, state, network, fenced, hostKey, labels, bootFailure, createdAt };
  }

  get power(): PowerView {
    this.noticePowerLoss();
    return { state: this.record.power, since: this.record.powerSince };
  }

  /** Takes over a machine that an earlier labd created. It is still running, needs a restart because the host rebooted, or has died since. */
  async adopt(): Promise<void> {
    const { power, hostBoot, fenced } = this.record;
    if (this.group.populated) this.follow();
    else if (power === 'on' && hostBoot !== currentBoot() && !fenced) await this.powerOn();
    else this.noticePowerLoss();
  }

  powerOn(): Promise<void> {
    return this.alone(async () => {
      if (this.group.populated) return;
      if (this.record.fenced) throw fenceRefusal(this.record.name);
      const image = imageDir(this.settings, this.record.image);
      if (!existsSync(image))
        throw noImage(`image ${this.record.image} is not in the cache`, { remedy: 'run npm start' });
      await this.clearAway();
      mkdirSync(this.paths.root, { recursive: true });
      await Promise.all([mountDisk(image, this.paths), this.link.create(this.record.network === 'up')]);
      this.group.create();
      const cpu = claimCpu(this.lab.cgroup, this.paths.cgroup, this.record.role);
      this.starting = true;
      this.bootFailure = null;
      try {
        this.keep({ power: 'on', powerSince: new Date().toISOString(), hostBoot: currentBoot() });
        await startMachine(this.settings.lab, this.record.name, this.paths, this.group, cpu);
      } finally {
        this.starting = false;
      }
      this.follow();
    });
  }

  /** Power loss. The cable goes first: a machine without power notifies no peer that it is gone. */
  powerOff(): Promise<void> {
    return this.alone(async () => {
      this.switchingOff = true;
      try {
        await this.link.unplug();
        await this.group.kill();
        this.noticePowerLoss();
      } finally {
        this.switchingOff = false;
      }
      await this.clearAway();
    });
  }

  setNetwork(network: 'up' | 'cut'): Promise<void> {
    return this.alone(async () => {
      this.keep({ network });
      await (network === 'up' ? this.link.plug() : this.link.unplug());
    });
  }

  setFrozen(frozen: boolean): Promise<void> {
    return this.alone(async () => {
      if (!this.group.populated) throw poweredOff(`${this.record.name} is off: switch it on first`);
      await this.group.freeze(frozen);
    });
  }

  /**
   * Keeps the machine off until it is released. Only a machine that the kernel sees as off can be fenced. The fence takes its
   * turn among the machine's changes, so that none is switching it on meanwhile. It is on the disk before the answer, so that
   * callers may rely on it.
   */
  setFenced(fenced: boolean): Promise<void> {
    return this.alone(async () => {
      if (fenced && this.group.populated) throw notOffRefusal(this.record.name);
      this.noticePowerLoss();
      // Writes it even when it is already set: an earlier write may have failed.
      this.keep({ fenced }, true);
    });
  }

  /** Ends the machine and removes everything of its own, including its disk. */
  async destroy(): Promise<void> {
    await this.powerOff();
    await this.alone(() => rm(this.paths.dir, { recursive: true, force: true }));
  }

  /** Resolves when the machine runs, is off, or `milliseconds` have passed. */
  settled(milliseconds: number): Promise<void> {
    if (this.state !== 'booting') return Promise.resolve();
    return new Promise((resolve) => {
      const done = () => {
        if (this.state === 'booting' && Date.now() < deadline) return;
        this.listeners.delete(done);
        clearTimeout(timer);
        resolve();
      };
      const deadline = Date.now() + milliseconds;
      const timer = setTimeout(done, milliseconds + 1);
      this.listeners.add(done);
    });
  }

  private get state(): MachineView['state'] {
    this.noticePowerLoss();
    if (this.record.power === 'off') return 'off';
    if (this.group.frozen) return 'frozen';
    return this.ready ? 'running' : 'booting';
  }

  /** Watches a running machine: when sshd accepts, and when its last process ends. */
  private follow(): void {
    this.ready = false;
    this.watcher?.close();
    const watcher = watch(this.group.events, () => {
      this.noticePowerLoss();
      if (!this.group.populated) void this.alone(() => this.clearAway()).catch(() => undefined);
    });
    watcher.on('error', () => watcher.close());
    this.watcher = watcher;
    // It may have died before the watch began.
    this.noticePowerLoss();
    void sshAccepts(this.address, () => this.watcher !== watcher).then((accepted) => {
      if (!accepted || this.watcher !== watcher) return;
      this.ready = true;
      this.listeners.forEach((listener) => listener());
    });
  }

  private noticePowerLoss(): void {
    if (this.starting || this.record.power === 'off' || this.group.populated) return;
    this.watcher?.close();
    this.watcher = undefined;
    if (!this.ready && !this.switchingOff) this.bootFailure = lastConsoleLines(this.paths);
    this.keep({ power: 'off', powerSince: new Date().toISOString() });
    this.listeners.forEach((listener) => listener());
  }

  /** Leaves only the disk of a dead machine: nothing may answer at its address. */
  private async clearAway(): Promise<void> {
    if (this.group.populated) return;
    await this.link.remove();
    await unmountUnder(this.paths.dir);
    await removeGroups(this.paths.cgroup);
    await removeNspawnTraces(this.settings.lab, this.record.name);
  }

  private keep(change: Partial<MachineRecord>, durable = false): void {
    this.record = { ...this.record, ...change };
    writeRecord(this.paths.record, this.record, durable);
  }

  private alone<T>(change: () => Promise<T>): Promise<T> {
    const result = this.turn.then(change);
    this.turn = result.catch(() => undefined);
    return result;
  }
}

function notOffRefusal(name: string): Error {
  return notOff(`${name} runs, and only a machine that is off can be fenced`, {
    remedy: `switch it off first: npm run lab -- kill ${name}`,
  });
}

function fenceRefusal(name: string): Error {
  return isFenced(`${name} is fenced: it is to stay off until it is released`, {
    remedy: `if it may run again, release it first: npm run lab -- unfence ${name}`,
  });
}
