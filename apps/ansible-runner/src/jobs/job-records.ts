import { Inject, Injectable } from '@nestjs/common';
import type { KV, KvEntry } from '@nats-io/kv';
import type { NatsConnection } from '@nats-io/transport-node';
import { buckets, CloudEvent, JobResult } from '@pgfleet/contracts';
import { NATS } from '@pgfleet/messaging';
import { z } from 'zod';
import { isWrongRevision, openBucket } from '../leases/open-bucket';

const FinishedEvent = CloudEvent.extend({ data: JobResult });
export type FinishedEvent = z.infer<typeof FinishedEvent>;

/** What outlives a runner about a job. */
const Stored = z.object({
  attempts: z.int(),
  /** The `job.finished` event, to be published again unchanged. */
  finished: FinishedEvent.optional(),
});
type Stored = z.infer<typeof Stored>;

export type JobRecord = Stored & { revision: number };

/** Another runner has started the job since: this run's result no longer counts. */
export class Superseded extends Error {
  constructor(jobId: string) {
    super(`another runner has taken ${jobId} over`);
    this.name = 'Superseded';
  }
}

const read = (entry: KvEntry | null): JobRecord | null =>
  entry?.operation === 'PUT' ? { ...Stored.parse(entry.json()), revision: entry.revision } : null;

/** How many times a job has run, and how it ended: in the KV bucket `job_results`. Only the holder of the lease may write. */
@Injectable()
export class JobRecords {
  private readonly bucket: Promise<KV>;

  constructor(@Inject(NATS) nats: NatsConnection) {
    this.bucket = openBucket(nats, buckets.jobResults.name);
  }

  /** Counts a new attempt; returns a finished job unchanged. */
  async begin(jobId: string): Promise<JobRecord> {
    const bucket = await this.bucket;
    const known = read(await bucket.get(jobId));
    if (known?.finished) return known;
    const record: Stored = { attempts: (known?.attempts ?? 0) + 1 };
    const revision = await bucket.put(jobId, JSON.stringify(record), { previousSeq: known?.revision ?? 0 });
    return { ...record, revision };
  }

  /** @throws Superseded when the record has changed since `begin` */
  async finish(jobId: string, { revision, ...record }: JobRecord, finished: FinishedEvent): Promise<void> {
    const bucket = await this.bucket;
    try {
      await bucket.update(jobId, JSON.stringify({ ...record, finished }), revision);
    } catch (error) {
      if (!isWrongRevision(error)) throw error;
      // Did our own update store it, and only its answer was lost?
      const stored = read(await bucket.get(jobId));
      if (stored?.attempts !== record.attempts || !stored.finished) throw new Superseded(jobId);
    }
  }
}
