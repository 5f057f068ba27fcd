import { DeliverPolicy, jetstream } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { CloudEvent } from '@pgfleet/contracts';
import type { PlatformAccess } from './platform-access';

export interface FollowOptions {
  /** From the beginning of the stream (seven days), or only new events. */
  from: 'all' | 'new';
  /** NATS subject of the events, e.g. `events.cluster.*.leader.changed`. */
  subject: string;
}

/** Subscribes to events as any outside system does: the user `subscriber`, TLS, an ordered consumer on the stream EVENTS. */
export async function followEvents(
  { url, user, password: pass, ca }: PlatformAccess['nats'],
  { from, subject }: FollowOptions,
  hear: (event: CloudEvent) => void,
): Promise<{ stop: () => Promise<void> }> {
  const connection = await connect({
    servers: url,
    user,
    pass,
    tls: { ca },
    maxReconnectAttempts: -1,
    reconnectTimeWait: 250,
  });
  const consumer = await jetstream(connection).consumers.get('EVENTS', {
    filter_subjects: [subject],
    deliver_policy: from === 'all' ? DeliverPolicy.All : DeliverPolicy.New,
  });
  const messages = await consumer.consume({
    // A request for messages that NATS lost (in a restart, for example) is noticed and repeated after this long; the default is 30 s.
    expires: 5_000,
    callback: (message) => hear(CloudEvent.parse(message.json()) as CloudEvent),
  });
  return {
    stop: async () => {
      await messages.close();
      await connection.close();
    },
  };
}
