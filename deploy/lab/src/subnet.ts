/** The lab's own IPv4 network, e.g. 10.77.0.0/24. */
export class Subnet {
  private constructor(
    private readonly base: number,
    /** Prefix length, 20 to 28. */
    readonly prefix: number,
  ) {}

  /** Parses `a.b.c.d/prefix`; throws an Error that says what is wrong. */
  static parse(text: string): Subnet {
    const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\/(\d{1,2})$/.exec(text);
    if (!match) throw new Error(`"${text}" is not a subnet like 10.77.0.0/24`);
    const octets = match.slice(1, 5).map(Number);
    const prefix = Number(match[5]);
    if (octets.some((octet) => octet > 255)) throw new Error(`"${text}" has an octet above 255`);
    if (prefix < 20 || prefix > 28) throw new Error(`"${text}": the prefix must be between /20 and /28`);
    const base = octets.reduce((sum, octet) => sum * 256 + octet, 0);
    if (base % 2 ** (32 - prefix) !== 0) throw new Error(`"${text}" is not the first address of its subnet`);
    return new Subnet(base, prefix);
  }

  /** The bridge's address: the first host. */
  get gateway(): string {
    return this.address(1);
  }

  /** The highest host number; 0 is the network and the one after this the broadcast address. */
  get lastHost(): number {
    return 2 ** (32 - this.prefix) - 2;
  }

  address(host: number): string {
    if (host < 1 || host > this.lastHost) throw new Error(`${this.toString()} has no host ${host}`);
    return dotted(this.base + host);
  }

  /** Whether `address` (dotted) is in this subnet. */
  contains(address: string): boolean {
    const value = address.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0);
    return value >= this.base && value <= this.base + this.lastHost + 1;
  }

  toString(): string {
    return `${dotted(this.base)}/${this.prefix}`;
  }
}

function dotted(value: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.');
}
