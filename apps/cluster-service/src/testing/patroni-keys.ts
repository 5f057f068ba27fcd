import { nobody, type NodeReport } from '@pgfleet/patroni';
import type { Etcd3, Lease } from 'etcd3';

interface MemberValue {
  role?: string;
  state?: string;
  timeline?: number;
  xlog_location?: number;
  replication_state?: string;
}

/** Writes the keys of one cluster as its Patronis and its nodes' agents do. A node's lock and member key share one lease. */
export class PatroniKeys {
  private readonly leases = new Map<string, Lease>();
  private readonly members = new Map<string, MemberValue>();
  private readonly reports = new Map<string, Partial<NodeReport>>();

  constructor(
    private readonly etcd: Etcd3,
    private readonly scope: string,
  ) {}

  /** A member reports its state, as it does every `loop_wait`. Fields that are not given keep their value. */
  async member(name: string, value: MemberValue = {}): Promise<void> {
    const next = { state: 'running', ...this.members.get(name), ...value };
    this.members.set(name, next);
    await this.lease(name)
      .put(this.key(`members/${name}`))
      .value(JSON.stringify(next))
      .exec();
  }

  replica(name: string, timeline: number): Promise<void> {
    return this.member(name, { role: 'replica', state: 'running', replication_state: 'streaming', timeline });
  }

  primary(name: string, timeline: number, position?: number): Promise<void> {
    return this.member(name, {
      role: 'primary',
      state: 'running',
      replication_state: undefined,
      timeline,
      ...(position !== undefined && { xlog_location: position }),
    });
  }

  /** Takes the lock. */
  async lead(name: string): Promise<void> {
    await this.lease(name).put(this.key('leader')).value(name).exec();
  }

  /** Keeps the lock from everyone, as a standstill does. */
  async keepLead(): Promise<void> {
    await this.etcd.put(this.key('leader')).value(nobody).exec();
  }

  /** Releases the lock, as a switchover does, or a leader that cannot go on. */
  async release(): Promise<void> {
    await this.etcd.delete().key(this.key('leader'));
  }

  /** The node's lease runs out: its lock and its member key are gone in one revision. */
  async die(name: string): Promise<void> {
    await this.lease(name).revoke();
    this.leases.delete(name);
  }

  /** A node's agent reports. Fields that are not given keep their value. */
  async report(name: string, report: Partial<NodeReport>): Promise<void> {
    const next = { ...this.reports.get(name), ...report };
    this.reports.set(name, next);
    await this.put(`pgfleet/nodes/${name}`, next);
  }

  /** A node's agent withdraws its report. */
  async forget(name: string): Promise<void> {
    this.reports.delete(name);
    await this.etcd.delete().key(this.key(`pgfleet/nodes/${name}`));
  }

  async put(path: string, value: unknown): Promise<void> {
    await this.etcd.put(this.key(path)).value(JSON.stringify(value));
  }

  /** Revokes the leases, and with them the keys. */
  async end(): Promise<void> {
    for (const lease of this.leases.values()) await lease.revoke();
  }

  private key(path: string): string {
    return `/service/${this.scope}/${path}`;
  }

  private lease(name: string): Lease {
    const lease = this.leases.get(name) ?? this.etcd.lease(300, { autoKeepAlive: false });
    this.leases.set(name, lease);
    return lease;
  }
}
