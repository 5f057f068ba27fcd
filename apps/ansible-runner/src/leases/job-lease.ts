import { setTimeout as pause } from 'node:timers/promises';
import type { KV } from '@nats-io/kv';
import type { Lifetime } from '../process/guarded-process';
import { uptime } from '../process/uptime';
import { LeaseHolder } from './lease-holder';
import { isWrongRevision } from './open-bucket';

/**
 * A child may live this long after the renewal was *sent*; NATS keeps the lease for 15 s after it was *stored*, which is later.
 * The difference is the time for killing the child.
 */
export const lifetimeMs = 10_000;
const renewEveryMs = 3000;
const retryMs = 500;
const answerMs = 2000;

/** The right to run one job, until `lost` is aborted. */
export class JobLease implements Lifetime {
  until: number;
  private readonly losing = new AbortController();
  private readonly ending = new AbortController();
  private readonly listeners = new Set<(until: number) => void>();
  private readonly keeping: Promise<void>;
  private expiry: NodeJS.Timeout | undefined;

  constructor(
    private readonly bucket: KV,
    private readonly jobId: string,
    private readonly holder: LeaseHolder,
    private revision: number,
    sentAt: number,
  ) {
    this.until = sentAt + lifetimeMs / 10;
    this.expireLater();
    this.keeping = this.keep();
  }

  /** Aborted when another runner may hold the lease. */
  get lost(): AbortSignal {
    return this.losing.signal;
  }

  onRenewed(listener: (until: number) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Gives the lease back, so that the job's next run need not wait. A lost lease is left alone. */
  async release(): Promise<void> {
    this.ending.abort();
    clearTimeout(this.expiry);
    await this.keeping;
    if (this.lost.aborted) return;
    // Without this the lease expires by itself.
    await this.bucket.delete(this.jobId, { previousSeq: this.revision }).catch(() => undefined);
  }

  private async keep(): Promise<void> {
    let wait = renewEveryMs;
    while (!this.over()) {
      await pause(wait, undefined, { signal: this.ending.signal }).catch(() => undefined);
      if (this.over()) return;
      wait = (await this.renew()) ? renewEveryMs : retryMs;
    }
  }

  private async renew(): Promise<boolean> {
    const sentAt = uptime();
    try {
      this.revision = await this.bucket.update(
        this.jobId,
        JSON.stringify(this.holder),
        this.revision,
        answerMs,
      );
      this.extend(sentAt);
      return true;
    } catch (error) {
      if (isWrongRevision(error)) await this.findOut();
      return false;
    }
  }

  /** Finds out whether another runner holds the lease, or our own renewal succeeded and its answer was lost with the connection. */
  private async findOut(): Promise<void> {
    const entry = await this.bucket.get(this.jobId).catch(() => undefined);
    if (entry === undefined) return;
    const holder = entry?.operation === 'PUT' ? LeaseHolder.safeParse(entry.json()).data : undefined;
    if (entry && holder?.token === this.holder.token) this.revision = entry.revision;
    else this.lose();
  }

  private extend(sentAt: number): void {
    this.until = sentAt + lifetimeMs / 10;
    this.expireLater();
    if (!this.lost.aborted) for (const listener of [...this.listeners]) listener(this.until);
  }

  private expireLater(): void {
    clearTimeout(this.expiry);
    this.expiry = setTimeout(() => this.lose(), Math.max(0, (this.until - uptime()) * 10));
  }

  private lose(): void {
    if (!this.over()) this.losing.abort('lease_lost');
  }

  private over(): boolean {
    return this.ending.signal.aborted || this.losing.signal.aborted;
  }
}
