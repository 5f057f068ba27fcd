import { jetstream, JetStreamApiError } from '@nats-io/jetstream';
import { type KV, Kvm } from '@nats-io/kv';
import type { NatsConnection } from '@nats-io/transport-node';

/** Codes of NATS's "wrong last sequence": the key is not at the revision that was named. */
const wrongRevision = new Set([10_071, 10_164]);

export const isWrongRevision = (error: unknown): boolean =>
  error instanceof JetStreamApiError && wrongRevision.has(error.code);

/** A bucket that `provision` made; nothing is asked of the server before it is used. */
export const openBucket = (nats: NatsConnection, name: string): Promise<KV> =>
  new Kvm(jetstream(nats, { timeout: 2000 })).open(name);
