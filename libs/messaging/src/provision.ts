import {
  DiscardPolicy,
  JetStreamApiError,
  jetstreamManager,
  RetentionPolicy,
  StorageType,
  type StreamConfig,
} from '@nats-io/jetstream';
import { Kvm } from '@nats-io/kv';
import { Objm } from '@nats-io/obj';
import { nanos, type NatsConnection } from '@nats-io/transport-node';
import { buckets, jobOutputs, streams } from '@pgfleet/contracts';
import { parseEnv } from '@pgfleet/observability';
import { z } from 'zod';
import { connectNats } from './nats/connect-nats';

const minute = 60_000;
const day = 24 * 60 * minute;
const gibibyte = 1024 ** 3;
const streamNotFound = 10_059;

/** The window in which a message published again (same Nats-Msg-Id) is dropped by the stream. */
const duplicateWindow = nanos(10 * minute);

const kept = (days: number, bytes = -1): Partial<StreamConfig> => ({
  retention: RetentionPolicy.Limits,
  max_age: nanos(days * day),
  max_bytes: bytes,
  discard: DiscardPolicy.Old,
});
const workQueue: Partial<StreamConfig> = { retention: RetentionPolicy.Workqueue };

const limits: Record<keyof typeof streams, Partial<StreamConfig>> = {
  events: kept(7, gibibyte),
  jobs: workQueue,
  steps: workQueue,
  logs: kept(7, gibibyte),
  dead: kept(30, gibibyte),
};

/** Makes the streams and buckets of the platform, or brings them up to date. Needs the `admin` user; returns the names it made. */
export const provision = async (nats: NatsConnection): Promise<string[]> => {
  const manager = await jetstreamManager(nats);
  const made: string[] = [];
  for (const [key, { name, subjects }] of Object.entries(streams)) {
    const config = {
      ...limits[key as keyof typeof streams],
      name,
      subjects: [...subjects],
      storage: StorageType.File,
      duplicate_window: duplicateWindow,
      allow_direct: true,
    };
    try {
      await manager.streams.update(name, config);
    } catch (error) {
      if (!(error instanceof JetStreamApiError && error.code === streamNotFound)) throw error;
      await manager.streams.add(config);
      made.push(name);
    }
  }
  const kvm = new Kvm(nats);
  for (const { name, ttlSeconds } of Object.values(buckets)) {
    const stream = `KV_${name}`;
    const exists = await manager.streams.info(stream).then(
      () => true,
      () => false,
    );
    if (!exists) made.push(name);
    await kvm.create(name, { history: 1, ttl: ttlSeconds * 1000 });
  }
  if (await provisionJobOutputs(nats)) made.push(jobOutputs.name);
  return made;
};

/** The oldest outputs make room for new ones: a reader notices that one is gone, and its job fails. */
const provisionJobOutputs = async (nats: NatsConnection): Promise<boolean> => {
  const { name, ttlSeconds, maxBytes } = jobOutputs;
  const stream = `OBJ_${name}`;
  const { streams } = await jetstreamManager(nats);
  const exists = await streams.info(stream).then(
    () => true,
    () => false,
  );
  if (!exists) await new Objm(nats).create(name, { storage: StorageType.File });
  const { config } = await streams.info(stream);
  const limits = {
    max_age: nanos(ttlSeconds * 1000),
    max_bytes: maxBytes,
    discard: DiscardPolicy.Old,
  };
  await streams.update(stream, { ...config, ...limits });
  return !exists;
};

const Env = z.object({
  PGFLEET_NATS_URL: z.string().min(1),
  PGFLEET_NATS_USER: z.string().optional(),
  PGFLEET_NATS_PASSWORD: z.string().optional(),
  PGFLEET_CA_FILE: z.string().optional(),
});

/** `node libs/messaging/dist/provision.js`, with the admin user in PGFLEET_NATS_USER; prints what it made as JSON. */
const main = async (): Promise<void> => {
  const env = parseEnv(Env);
  const nats = await connectNats({
    servers: env.PGFLEET_NATS_URL,
    user: env.PGFLEET_NATS_USER,
    password: env.PGFLEET_NATS_PASSWORD,
    caFile: env.PGFLEET_CA_FILE,
    name: 'provision',
  });
  try {
    console.log(JSON.stringify({ made: await provision(nats) }));
  } finally {
    await nats.close();
  }
};

if (require.main === module) {
  main().catch((error: Error) => {
    console.error(`The streams could not be provisioned: ${error.message}`);
    process.exitCode = 1;
  });
}
