import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import type { KV, KvEntry } from '@nats-io/kv';
import type { NatsConnection } from '@nats-io/transport-node';
import { buckets } from '@pgfleet/contracts';
import { NATS } from '@pgfleet/messaging';
import { hasDied, thisProcess } from '../process/process-identity';
import { uptime } from '../process/uptime';
import { JobLease } from './job-lease';
import { LeaseHolder, machineName } from './lease-holder';
import { isWrongRevision, openBucket } from './open-bucket';

const { name: bucketName, ttlSeconds } = buckets.jobLeases;
/** A renewal is due every 3 s. */
const renewedWithinMs = 4000;

/** Another runner runs the job, or did until a moment ago. */
export class LeaseHeld extends Error {
  constructor(
    readonly holder: string,
    /** When the lease ends if it is not renewed. */
    readonly endsInMs: number,
  ) {
    super(`the job is run by ${holder}`);
    this.name = 'LeaseHeld';
  }

  /** The holder renewed it a moment ago, so it answers for the job itself. */
  get isRenewed(): boolean {
    return this.endsInMs > ttlSeconds * 1000 - renewedWithinMs;
  }
}

/** Which process runs which job: at most one at a time, by compare-and-set in the KV bucket `job_leases`. */
@Injectable()
export class JobLeases {
  private readonly bucket: Promise<KV>;

  constructor(@Inject(NATS) nats: NatsConnection) {
    this.bucket = openBucket(nats, bucketName);
  }

  /** @throws LeaseHeld */
  async acquire(jobId: string): Promise<JobLease> {
    const bucket = await this.bucket;
    const holder = { token: randomUUID(), machine: machineName, process: thisProcess };
    const value = JSON.stringify(holder);
    const sentAt = uptime();
    try {
      return new JobLease(bucket, jobId, holder, await bucket.create(jobId, value), sentAt);
    } catch (error) {
      if (!isWrongRevision(error)) throw error;
    }
    const revision = await this.revisionOfTheDead(bucket, jobId);
    const takenAt = uptime();
    return new JobLease(bucket, jobId, holder, await bucket.update(jobId, value, revision), takenAt);
  }

  /** The lease of a dead process on this same machine need not run out: the process's child died with it. */
  private async revisionOfTheDead(bucket: KV, jobId: string): Promise<number> {
    const entry = await bucket.get(jobId);
    if (!entry || entry.operation !== 'PUT') throw new LeaseHeld('a runner that has just ended', 0);
    const holder = LeaseHolder.safeParse(entry.json()).data;
    if (holder && hasDied(holder.process)) return entry.revision;
    throw new LeaseHeld(holder?.machine ?? 'unknown', endsInMs(entry));
  }
}

const endsInMs = ({ created }: KvEntry): number => created.getTime() + ttlSeconds * 1000 - Date.now();
