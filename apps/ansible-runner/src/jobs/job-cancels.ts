import { Inject, Injectable, Logger } from '@nestjs/common';
import type { KV } from '@nats-io/kv';
import type { NatsConnection } from '@nats-io/transport-node';
import { buckets } from '@pgfleet/contracts';
import { NATS } from '@pgfleet/messaging';
import { openBucket } from '../leases/open-bucket';

/** Jobs to cancel: each is a key in the KV bucket `job_cancels`, named by the job's id, with any value. */
@Injectable()
export class JobCancels {
  private readonly logger = new Logger(JobCancels.name);
  private readonly bucket: Promise<KV>;

  constructor(@Inject(NATS) nats: NatsConnection) {
    this.bucket = openBucket(nats, buckets.jobCancels.name);
  }

  /** Calls back when the job is cancelled, before it resolves if that is known already. Its result ends the watch. */
  async watch(jobId: string, onCancel: () => void): Promise<() => void> {
    const bucket = await this.bucket;
    const watch = await bucket.watch({ key: jobId, ignoreDeletes: true });
    const watching = async () => {
      for await (const _entry of watch) onCancel();
    };
    watching().catch((error: unknown) => {
      this.logger.error(`${jobId} cannot be cancelled any more: its watch ended: ${String(error)}`);
    });
    const known = await bucket.get(jobId);
    if (known?.operation === 'PUT') onCancel();
    return () => watch.stop();
  }
}
