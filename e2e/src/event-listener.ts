import { DeliverPolicy, jetstream } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { CloudEvent } from '@pgfleet/contracts';
import { until, type TestPlatform } from './platform';

export interface HeardEvent {
  name: string;
  id: string;
  subject: string;
  time: string;
  heardAt: number;
  correlationid: string | undefined;
  data: Record<string, unknown>;
}

/** A system outside that subscribes to events, with the credentials that outside systems get. Keeps every delivery, also doubles. */
export class EventListener {
  readonly heard: HeardEvent[] = [];
  private constructor(private readonly close: () => Promise<void>) {}

  /** Listens from the beginning of what the stream holds, or only to what is new. */
  static async start({ nats }: TestPlatform, from: 'all' | 'new' = 'all'): Promise<EventListener> {
    const { url, user, password: pass, ca } = nats;
    const connection = await connect({
      servers: url,
      user,
      pass,
      tls: { ca },
      maxReconnectAttempts: -1,
      reconnectTimeWait: 250,
    });
    const consumer = await jetstream(connection).consumers.get('EVENTS', {
      deliver_policy: from === 'all' ? DeliverPolicy.All : DeliverPolicy.New,
    });
    const messages = await consumer.consume();
    const listener = new EventListener(async () => {
      await messages.close();
      await connection.close();
    });
    void (async () => {
      for await (const message of messages) {
        const event = CloudEvent.parse(message.json());
        listener.heard.push({
          name: event.type.replace(/^io\.pgfleet\./, '').replace(/\.v\d+$/, ''),
          id: event.id,
          subject: event.subject,
          time: event.time,
          heardAt: Date.now(),
          correlationid: event.correlationid,
          data: event.data as Record<string, unknown>,
        });
      }
    })().catch((error: unknown) => process.stderr.write(`event listener: ${String(error)}\n`));
    return listener;
  }

  /** What a consumer that drops repeated ids has. */
  deduplicated(): HeardEvent[] {
    return [...new Map(this.heard.map((event) => [event.id, event])).values()];
  }

  of(name: string, subject?: string): HeardEvent[] {
    return this.deduplicated().filter(
      (event) => event.name === name && (subject === undefined || event.subject === subject),
    );
  }

  async until(name: string, subject: string, withinMs: number): Promise<HeardEvent> {
    const [event] = await until(
      () => Promise.resolve(this.of(name, subject)),
      (events) => events.length > 0,
      withinMs,
    );
    if (!event) throw new Error('unreachable');
    return event;
  }

  stop(): Promise<void> {
    return this.close();
  }
}
