import { followEvents } from '@pgfleet/platform';
import { until, type TestPlatform } from './platform';

export interface HeardEvent {
  name: string;
  id: string;
  subject: string;
  time: string;
  correlationid: string | undefined;
  data: Record<string, unknown>;
}

/**
 * An external system that subscribes to events with the credentials that external systems get. Keeps every delivery, including
 * duplicates.
 */
export class EventListener {
  readonly heard: HeardEvent[] = [];
  private stopFollowing: () => Promise<void> = () => Promise.resolve();

  /** Listens from the start of the stream, or only to new events. */
  static async start({ nats }: TestPlatform, from: 'all' | 'new' = 'all'): Promise<EventListener> {
    const listener = new EventListener();
    const { stop } = await followEvents(nats, { from, subject: 'events.>' }, (event) =>
      listener.heard.push({
        name: event.type.replace(/^io\.pgfleet\./, '').replace(/\.v\d+$/, ''),
        id: event.id,
        subject: event.subject,
        time: event.time,
        correlationid: event.correlationid,
        data: event.data as Record<string, unknown>,
      }),
    );
    listener.stopFollowing = stop;
    return listener;
  }

  /** What a consumer that drops repeated ids receives. */
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
    return this.stopFollowing();
  }
}
