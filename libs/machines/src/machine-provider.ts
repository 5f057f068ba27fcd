/** What a machine is made from. The same name and specification always mean the same machine. */
export interface MachineSpec {
  /** 1 to 24 characters of a-z, 0-9 and inner dashes; unique in the provider. */
  readonly name: string;
  /** What it is for, e.g. `postgres_node`. */
  readonly role: string;
  /** Public SSH keys of those who administer it, as root. */
  readonly sshKeys: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
}

/** A machine as its provider knows it. */
export interface Machine {
  readonly name: string;
  readonly role: string;
  readonly address: string;
  /** The SSH host key it shows (`<type> <base64>`): connections check it from the first one on. */
  readonly hostKey: string;
  readonly labels: Readonly<Record<string, string>>;
  /** `running`: takes SSH connections. `unknown`: the provider cannot tell. */
  readonly state: 'booting' | 'running' | 'off' | 'frozen' | 'unknown';
  /** Why it went off while it booted, as far as the provider can tell: the end of its console. */
  readonly bootFailure?: string | null;
}

/** `off` is a proof: not one process of the machine runs. A provider that cannot prove it says `unknown`. */
export interface MachinePower {
  readonly state: 'on' | 'off' | 'unknown';
  /** When it was switched, or seen to have gone; ISO 8601. */
  readonly since?: string;
}

/** How many machines there may be at once, and how many there are. */
export interface MachineCapacity {
  readonly limit: number;
  readonly used: number;
}

/**
 * Where machines come from. Every call can be repeated: `create` gives the machine that is there already, `destroy` of none and
 * `fence` of a fenced one are done. All throw ProviderUnavailable when the provider does not answer.
 */
export interface MachineProvider {
  readonly name: 'lab' | 'inventory';
  /** Whether it can prove that a machine is off and keep it off. If not, `power` says `unknown` and `fence` throws NotOff, always. */
  readonly provesPower: boolean;
  capacity(): Promise<MachineCapacity>;
  /** Orders the machine and gives it as soon as it has an address; it may still be booting. Throws NoCapacity, SpecConflict. */
  create(spec: MachineSpec): Promise<Machine>;
  /** Null when there is none. With `waitSeconds` (at most 60) a booting machine is waited for. */
  get(name: string, waitSeconds?: number): Promise<Machine | null>;
  /** All machines that carry every one of `labels`. */
  list(labels?: Readonly<Record<string, string>>): Promise<Machine[]>;
  destroy(name: string): Promise<void>;
  power(name: string): Promise<MachinePower>;
  /**
   * Keeps a machine that is off from being switched on, by anyone, until `release`: once this resolved, nothing of the machine runs
   * before it is released. Throws NotOff when the provider does not see it off, or cannot fence: it switches no machine off. With
   * labd it is a word in the machine's record; in OpenStack it would be the lock of a stopped server.
   */
  fence(name: string): Promise<void>;
  /** Lets a fenced machine be switched on again, and does not switch it on. Of a machine that is not fenced, or not there, it is done. */
  release(name: string): Promise<void>;
}
