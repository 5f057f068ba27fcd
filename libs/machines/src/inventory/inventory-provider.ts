import { isDeepStrictEqual } from 'node:util';
import type {
  Machine,
  MachineCapacity,
  MachinePower,
  MachineProvider,
  MachineSpec,
} from '../machine-provider';
import type { OutsideCalls } from '../outside-call';
import { NoCapacity, NotOff, SpecConflict } from '../provider-errors';
import { Claims, type Claim } from './claims';
import { readInventory, type InventoryMachine } from './inventory-file';
import { sshGreets } from './ssh-greeting';

export interface InventoryProviderOptions {
  /** YAML or JSON: `machines: [{name, address, hostKey, roles?}]`. Read on every call, so you can add machines at any time. */
  readonly file: string;
  readonly outside: OutsideCalls;
  /** Folder of the claims; default `<file>.claims`. Services that share an inventory must also share this folder. */
  readonly claimsDir?: string;
  /** How long to wait for a machine's SSH greeting, in milliseconds; default 2000. */
  readonly greetingTimeoutMs?: number;
  readonly sshPort?: number;
}

/**
 * Machines that you already own. `create` claims a free machine, whose root must already accept the platform's key. `destroy` gives it
 * back, and you wipe it before it can be used again: no customer gets a machine with another customer's data. There is no power switch,
 * so the power is always `unknown`, a silent machine proves nothing, and no machine can be fenced.
 */
export class InventoryProvider implements MachineProvider {
  readonly name = 'inventory';
  readonly provesPower = false;
  private readonly claims: Claims;

  constructor(private readonly options: InventoryProviderOptions) {
    this.claims = new Claims(options.claimsDir ?? `${options.file}.claims`);
  }

  async capacity(): Promise<MachineCapacity> {
    const { machines, claimed, released } = await this.state();
    const usable = machines.filter(({ name }) => claimed.has(name) || !released.has(name));
    return { limit: usable.length, used: usable.filter(({ name }) => claimed.has(name)).length };
  }

  async create({ name, role, sshKeys, labels }: MachineSpec): Promise<Machine> {
    const wanted: Claim = { name, role, sshKeys: [...sshKeys], labels: { ...labels } };
    for (;;) {
      const { machines, claimed, released } = await this.state();
      const mine = machines.find((machine) => claimed.get(machine.name)?.name === name);
      if (mine) return this.describe(mine, sameSpec(claimed.get(mine.name)!, wanted));
      const free = machines.find((machine) => isFree(machine, role, claimed, released));
      if (!free) {
        throw new NoCapacity(
          `no machine for role ${role} is free in ${this.options.file}: add one, or remove the mark of a wiped one`,
        );
      }
      if (!(await this.claims.take(free.name, wanted))) continue;
      // Another process may have claimed a second machine for the same name meanwhile. Then both undo their claims and try again.
      const doubled = [...(await this.claims.all())].some(
        ([machine, claim]) => claim.name === name && machine !== free.name,
      );
      if (!doubled) return this.describe(free, wanted);
      await this.claims.undo(free.name);
    }
  }

  async get(name: string): Promise<Machine | null> {
    const { machines, claimed } = await this.state();
    const machine = machines.find((candidate) => claimed.get(candidate.name)?.name === name);
    return machine ? this.describe(machine, claimed.get(machine.name)!) : null;
  }

  async list(labels: Readonly<Record<string, string>> = {}): Promise<Machine[]> {
    const { machines, claimed } = await this.state();
    const wanted = Object.entries(labels);
    const found = machines.flatMap((machine) => {
      const claim = claimed.get(machine.name);
      return claim && wanted.every(([label, value]) => claim.labels[label] === value)
        ? [{ machine, claim }]
        : [];
    });
    return Promise.all(found.map(({ machine, claim }) => this.describe(machine, claim)));
  }

  async destroy(name: string): Promise<void> {
    for (const [machine, claim] of await this.claims.all()) {
      if (claim.name === name) await this.claims.release(machine);
    }
  }

  power(_name: string): Promise<MachinePower> {
    return Promise.resolve({ state: 'unknown' });
  }

  fence(name: string): Promise<void> {
    return Promise.reject(
      new NotOff(`an inventory cannot prove that machine ${name} is off, nor keep it from being switched on`),
    );
  }

  /** Does nothing, because no machine is ever fenced. */
  release(_name: string): Promise<void> {
    return Promise.resolve();
  }

  private async state() {
    const claimed = await this.claims.all();
    return {
      machines: await readInventory(this.options.file),
      claimed,
      released: await this.claims.released(),
    };
  }

  private async describe(
    { address, hostKey }: InventoryMachine,
    { name, role, labels }: Claim,
  ): Promise<Machine> {
    const { outside, greetingTimeoutMs = 2000, sshPort } = this.options;
    const greets = await outside.call('greeting', (signal) =>
      sshGreets(address, AbortSignal.any([signal, AbortSignal.timeout(greetingTimeoutMs)]), sshPort),
    );
    return { name, role, address, hostKey, labels, state: greets ? 'running' : 'unknown' };
  }
}

function isFree(
  { name, roles }: InventoryMachine,
  role: string,
  claimed: ReadonlyMap<string, Claim>,
  released: ReadonlySet<string>,
): boolean {
  return !claimed.has(name) && !released.has(name) && (roles === undefined || roles.includes(role));
}

function sameSpec(claim: Claim, wanted: Claim): Claim {
  if (isDeepStrictEqual(claim, wanted)) return claim;
  throw new SpecConflict(`machine ${claim.name} is claimed with another role, other keys or other labels`);
}
