import {
  AckPolicy,
  type Consumer,
  type ConsumerConfig,
  DeliverPolicy,
  type JetStreamManager,
  JetStreamApiError,
  jetstream,
  jetstreamManager,
  ReplayPolicy,
} from '@nats-io/jetstream';
import { nanos, type NatsConnection } from '@nats-io/transport-node';
import type { Feed } from './subscription';

/** More than can ever wait: messages that are delayed by nak count as pending too, and must not stop the others. */
const maxAckPending = 20_000;
const consumerNotFound = 10_014;

/**
 * Deliveries are counted by the transport, not limited by the server, which would drop a message without a word. A consumer begins
 * with the oldest message of the stream, so that nothing is missed that was published before its service first ran.
 */
const consumerConfig = (feed: Feed): ConsumerConfig => ({
  durable_name: feed.durable,
  name: feed.durable,
  filter_subject: feed.filter,
  ack_policy: AckPolicy.Explicit,
  ack_wait: nanos(feed.ackWaitMs),
  deliver_policy: DeliverPolicy.All,
  replay_policy: ReplayPolicy.Instant,
  max_deliver: -1,
  max_ack_pending: maxAckPending,
});

const find = async (manager: JetStreamManager, feed: Feed) => {
  try {
    return await manager.consumers.info(feed.stream, feed.durable);
  } catch (error) {
    if (error instanceof JetStreamApiError && error.code === consumerNotFound) return null;
    throw error;
  }
};

/** Makes the durable consumer, or brings it up to date, and gives it. Rejects when the stream is not there. */
export const ensureConsumer = async (nats: NatsConnection, feed: Feed): Promise<Consumer> => {
  const manager = await jetstreamManager(nats, { checkAPI: false });
  const wanted = consumerConfig(feed);
  const found = await find(manager, feed);
  if (!found) {
    await manager.consumers.add(feed.stream, wanted);
  } else if (
    found.config.filter_subject !== wanted.filter_subject ||
    found.config.ack_wait !== wanted.ack_wait ||
    found.config.max_ack_pending !== wanted.max_ack_pending
  ) {
    await manager.consumers.update(feed.stream, feed.durable, wanted);
  }
  return jetstream(nats).consumers.get(feed.stream, feed.durable);
};
