/** Specification of a machine. The same name and specification always mean the same machine. */
export interface MachineSpec {
  /** 1 to 24 characters of a-z, 0-9 and inner hyphens; unique within the provider. */
  readonly name: string;
  /** Purpose of the machine, e.g. `postgres_node`. */
  readonly role: string;
  /** Public SSH keys that root accepts. */
  readonly sshKeys: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
}

/** A machine as its provider knows it. */
export interface Machine {
  readonly name: string;
  readonly role: string;
  readonly address: string;
  /** The machine's SSH host key (`<type> <base64>`). Every connection verifies it, including the first. */
  readonly hostKey: string;
  readonly labels: Readonly<Record<string, string>>;
  /** `running`: accepts SSH connections. `unknown`: the provider cannot tell. */
  readonly state: 'booting' | 'running' | 'off' | 'frozen' | 'unknown';
  /** Why the machine switched off during boot, if the provider knows: the end of its console output. */
  readonly bootFailure?: string | null;
}

/** `off` is proof that no process of the machine runs. A provider that cannot prove that returns `unknown`. */
export interface MachinePower {
  readonly state: 'on' | 'off' | 'unknown';
  /** When it was switched on or off, or was found to be off; ISO 8601. */
  readonly since?: string;
}

/** How many machines can exist at once, and how many do. */
export interface MachineCapacity {
  readonly limit: number;
  readonly used: number;
}

/**
 * The source of machines. Every call can be repeated: `create` returns an existing machine, and `destroy` of a missing machine and `fence`
 * of a fenced one succeed. All calls throw ProviderUnavailable when the provider does not answer.
 */
export interface MachineProvider {
  readonly name: 'lab' | 'inventory';
  /** Whether it can prove that a machine is off and keep it off. If not, `power` is always `unknown` and `fence` always throws NotOff. */
  readonly provesPower: boolean;
  capacity(): Promise<MachineCapacity>;
  /** Orders the machine and resolves once it has an address; it may still be booting. Throws NoCapacity, SpecConflict. */
  create(spec: MachineSpec): Promise<Machine>;
  /** Null if the machine does not exist. With `waitSeconds` (at most 60) it waits for a booting machine. */
  get(name: string, waitSeconds?: number): Promise<Machine | null>;
  /** All machines that have all `labels`. */
  list(labels?: Readonly<Record<string, string>>): Promise<Machine[]>;
  destroy(name: string): Promise<void>;
  power(name: string): Promise<MachinePower>;
  /**
   * Keeps a machine that is off from being switched on, by anyone, until `release`. Once this has resolved, nothing on the machine runs
   * until it is released. Never switches a machine off: throws NotOff if the provider does not see the machine off, or cannot fence.
   * labd stores the fence in the machine's record; OpenStack would lock the stopped server.
   */
  fence(name: string): Promise<void>;
  /** Allows a fenced machine to be switched on again, but does not switch it on. Succeeds for a missing or unfenced machine. */
  release(name: string): Promise<void>;
}
