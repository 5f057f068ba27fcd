import { jetstream, JetStreamApiError } from '@nats-io/jetstream';
import { type KV, Kvm } from '@nats-io/kv';
import type { NatsConnection } from '@nats-io/transport-node';

/** NATS's codes for "wrong last sequence": the key is not at the given revision. */
const wrongRevision = new Set([10_071, 10_164]);

export const isWrongRevision = (error: unknown): boolean =>
  error instanceof JetStreamApiError && wrongRevision.has(error.code);

/** Opens a bucket that `provision` created; sends no request to the server before the bucket is used. */
export const openBucket = (nats: NatsConnection, name: string): Promise<KV> =>
  new Kvm(jetstream(nats, { timeout: 2000 })).open(name);
