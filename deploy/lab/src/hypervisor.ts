import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { imageRecipe } from './image-recipe';
import { imageDir } from './image';
import { bootableMachines } from './inotify-limit';
import type { LabPaths } from './lab-paths';
import { Machine } from './machine';
import type { CapacityView, MachineSpec } from './machine-api';
import { generateKey, writeIdentity } from './machine-identity';
import { machinePaths } from './machine-paths';
import { readRecord, writeRecord } from './machine-record';
import { noCapacity, noImage, notFound, otherSpec } from './problem';
import { removeMachineTraces } from './machine-traces';
import type { LabSettings } from './settings';
import { writeSshConfig } from './ssh-config';

/** Host numbers below this are reserved for the bridge and for future use; small subnets have none to spare. */
const FIRST_HOST = 10;

/** All machines of one lab. */
export class Hypervisor {
  private readonly machines = new Map<string, Machine>();
  private readonly making = new Map<string, Promise<Machine>>();
  private readonly taken = new Set<number>();
  private lastHost = 0;
  private labKey = '';

  constructor(
    private readonly settings: LabSettings,
    private readonly paths: LabPaths,
  ) {}

  /** Finds the machines that an earlier labd created and removes what it left half-created. */
  async start(): Promise<void> {
    mkdirSync(this.paths.machines, { recursive: true });
    mkdirSync(dirname(this.paths.sshKey), { recursive: true, mode: 0o700 });
    this.labKey = await generateKey(this.paths.sshKey, `lab ${this.settings.lab}`);
    for (const name of readdirSync(this.paths.machines)) {
      const { record } = machinePaths(this.paths, name);
      if (existsSync(record)) this.add(new Machine(this.settings, this.paths, readRecord(record)));
      else await removeMachineTraces(this.settings, this.paths, name);
    }
    await Promise.all([...this.machines.values()].map((machine) => machine.adopt()));
    this.publish();
  }

  list(): Machine[] {
    return [...this.machines.values()].sort((a, b) => a.spec.host - b.spec.host);
  }

  /** The machine, or a 404 that names it. */
  get(name: string): Machine {
    const machine = this.machines.get(name);
    if (!machine) throw notFound(`no machine is called ${name}`);
    return machine;
  }

  get capacity(): CapacityView {
    return { machines: { limit: this.limit, used: this.taken.size } };
  }

  setCapacity(machines: number): void {
    writeFileSync(this.paths.capacity, JSON.stringify({ machines }));
  }

  /** Creates and boots the machine, unless one with this name and specification exists. Two concurrent calls create one machine. */
  async create(name: string, spec: MachineSpec): Promise<{ machine: Machine; created: boolean }> {
    const existing = this.machines.get(name) ?? this.making.get(name);
    if (existing) return { machine: sameSpec(await existing, spec), created: false };
    const { limit, used } = this.capacity.machines;
    if (used >= limit) {
      throw noCapacity(`${used} of ${limit} machines are in use`, {
        remedy: `remove a machine, or raise the capacity (npm run lab -- capacity N; this host boots ${bootableMachines()} at the most: fs.inotify.max_user_instances)`,
      });
    }
    const host = this.takeHost();
    const making = this.make(name, spec, host).finally(() => this.making.delete(name));
    this.making.set(name, making);
    try {
      return { machine: await making, created: true };
    } catch (error) {
      this.taken.delete(host);
      throw error;
    }
  }

  async destroy(name: string): Promise<void> {
    const machine = this.machines.get(name) ?? (await this.making.get(name)?.catch(() => undefined));
    if (!machine) return;
    await machine.destroy();
    this.machines.delete(name);
    this.taken.delete(machine.spec.host);
    this.publish();
  }

  private async make(name: string, spec: MachineSpec, host: number): Promise<Machine> {
    const { key } = imageRecipe();
    if (!existsSync(imageDir(this.settings, key))) {
      throw noImage(`image ${key} is not in ${this.paths.images}`, {
        remedy: 'run npm start, which builds it',
      });
    }
    const paths = machinePaths(this.paths, name);
    try {
      const address = this.settings.subnet.address(host);
      const hostKey = await writeIdentity(paths.upper, {
        name,
        address,
        sshKeys: [this.labKey, ...spec.sshKeys],
      });
      const now = new Date().toISOString();
      // The record says "on" before the machine is: if this labd dies here, the next one switches the machine on.
      const power = { power: 'on', powerSince: now, hostBoot: '' } as const;
      const record = {
        ...spec,
        ...power,
        name,
        host,
        hostKey,
        image: key,
        createdAt: now,
        network: 'up' as const,
        fenced: false,
      };
      writeRecord(paths.record, record);
      const machine = new Machine(this.settings, this.paths, record);
      await machine.powerOn();
      this.add(machine);
      this.publish();
      return machine;
    } catch (error) {
      await removeMachineTraces(this.settings, this.paths, name);
      await rm(paths.dir, { recursive: true, force: true });
      throw error;
    }
  }

  private add(machine: Machine): void {
    this.machines.set(machine.spec.name, machine);
    this.taken.add(machine.spec.host);
    this.lastHost = Math.max(this.lastHost, machine.spec.host);
  }

  /** The next free host number, cyclically: an address is not reused while others remember its previous machine. */
  private takeHost(): number {
    const { lastHost } = this.settings.subnet;
    const first = Math.min(FIRST_HOST, lastHost > 2 * FIRST_HOST ? FIRST_HOST : 2);
    for (let step = 0; step <= lastHost - first; step++) {
      const host = first + ((Math.max(this.lastHost, first - 1) + 1 - first + step) % (lastHost - first + 1));
      if (!this.taken.has(host)) {
        this.taken.add(host);
        this.lastHost = host;
        return host;
      }
    }
    throw noCapacity(`subnet ${this.settings.subnet} has no address left`);
  }

  private get limit(): number {
    const bootable = Math.min(this.settings.subnet.lastHost - 1, bootableMachines());
    const chosen = existsSync(this.paths.capacity)
      ? (JSON.parse(readFileSync(this.paths.capacity, 'utf8')).machines as number)
      : 200;
    return Math.min(chosen, bootable);
  }

  private publish(): void {
    writeSshConfig(
      this.paths,
      this.list().map((machine) => machine.view),
    );
  }
}

function sameSpec(machine: Machine, spec: MachineSpec): Machine {
  const { role, sshKeys, labels } = machine.spec;
  if (
    isDeepStrictEqual(
      { role, sshKeys, labels },
      { role: spec.role, sshKeys: spec.sshKeys, labels: spec.labels },
    )
  )
    return machine;
  throw otherSpec(`${machine.spec.name} exists with another role, other keys or other labels`, {
    remedy: 'remove it first, or choose another name',
  });
}
