import { buckets } from '@pgfleet/contracts';
import type { Outbox } from '@pgfleet/messaging';
import type { EntityManager } from 'typeorm';

/** Lets the runner stop a job that nobody waits for any more: an entry in the bucket that it watches, written with the commit. */
export const cancelJob = async (
  tx: EntityManager,
  outbox: Outbox,
  jobId: string,
  operationId: string,
): Promise<void> => {
  await outbox.send(
    tx,
    `$KV.${buckets.jobCancels.name}.${jobId}`,
    { operationId },
    { id: `cancel/${jobId}` },
  );
};
