import { jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';

export interface Stored {
  readonly subject: string;
  readonly seq: number;
  readonly id: string;
  readonly at: number;
  readonly json: Record<string, unknown>;
}

/** Everything that a stream holds under a subject, oldest first; work queues can be read by one consumer only, but so. */
export const readStream = async (nats: NatsConnection, stream: string, filter = '>'): Promise<Stored[]> => {
  const manager = await jetstreamManager(nats);
  const stored: Stored[] = [];
  for (let seq = 1; ;) {
    const message = await manager.direct.getMessage(stream, { seq, next_by_subj: filter });
    if (!message) return stored;
    stored.push({
      subject: message.subject,
      seq: message.seq,
      id: message.header.get('Nats-Msg-Id'),
      at: message.time.getTime(),
      json: message.json(),
    });
    seq = message.seq + 1;
  }
};
