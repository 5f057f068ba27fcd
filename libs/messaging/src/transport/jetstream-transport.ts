import { setTimeout as pause } from 'node:timers/promises';
import { Inject, Injectable, Optional } from '@nestjs/common';
import { type CustomTransportStrategy, type MessageHandler, Server } from '@nestjs/microservices';
import type { JsMsg } from '@nats-io/jetstream';
import { CloudEvent, eventType, type ServiceName, streams } from '@pgfleet/contracts';
import { untilDatabaseAnswers } from '@pgfleet/persistence';
import { isObservable, lastValueFrom } from 'rxjs';
import { DataSource } from 'typeorm';
import type { z } from 'zod';
import { Inbox } from '../inbox/inbox';
import { NatsLink } from '../nats/nats-link';
import { JETSTREAM, SERVICE } from '../tokens';
import { Consumption } from './consumption';
import { DeadLetters } from './dead-letters';
import { deliver } from './deliver';
import { Unprocessable } from './retry-later';
import type { EventSubscription, Feed, Subscription, Work, WorkSubscription } from './subscription';

const defaultDrainMs = 20_000;
const afterAbortMs = 5_000;

/** JetStream as a transport of NestJS: `@OnEvent` and `@OnWork` methods of controllers, acknowledged after their effect. */
@Injectable()
export class JetStreamTransport extends Server implements CustomTransportStrategy {
  override readonly transportId = JETSTREAM;
  override readonly propagatesEventHandlerErrors = true;
  private readonly stopping = new AbortController();
  private readonly expired = new Map<Consumption, AbortController>();

  constructor(
    private readonly link: NatsLink,
    private readonly deadLetters: DeadLetters,
    @Inject(SERVICE) private readonly service: ServiceName,
    @Optional() private readonly inbox?: Inbox,
    @Optional() private readonly dataSource?: DataSource,
  ) {
    super();
  }

  /** Nest chains two handlers of one subject under one acknowledgement: that is refused. */
  override addHandler(
    pattern: unknown,
    callback: MessageHandler,
    isEventHandler = false,
    extras: Record<string, unknown> = {},
  ): void {
    const subject = this.normalizePattern(pattern as string);
    if (this.messageHandlers.has(subject)) {
      throw new Error(`Two handlers on ${subject} in ${this.service}: one of them must go`);
    }
    const subscription = extras.subscription as Subscription | undefined;
    if (!subscription) throw new Error(`The handler of ${subject} must be declared with @OnEvent or @OnWork`);
    if (subscription.kind === 'event' && subscription.inbox && !this.inbox) {
      throw new Error(`@OnEvent(${subscription.contract.name}) needs a database, or { inbox: false }`);
    }
    super.addHandler(pattern, callback, isEventHandler, extras);
  }

  listen(callback: () => void): void {
    for (const handler of this.messageHandlers.values()) {
      const subscription = handler.extras!.subscription as Subscription;
      const feed = subscription.kind === 'work' ? subscription : this.eventFeed(subscription);
      const expired = new AbortController();
      const consumption = new Consumption(this.link, feed, (message) =>
        this.onMessage(message, feed, subscription, handler, expired.signal),
      );
      this.expired.set(consumption, expired);
      consumption.start();
    }
    callback();
  }

  /** Stops taking messages, lets the handlers that run come to an end, and aborts the signal of those that take too long. */
  async close(): Promise<void> {
    this.stopping.abort();
    await Promise.all(
      [...this.expired].map(async ([consumption, expired]) => {
        const abort = setTimeout(() => expired.abort(), consumption.feed.drainMs ?? defaultDrainMs);
        let leave: NodeJS.Timeout | undefined;
        const tooLate = new Promise<void>((resolve) => {
          expired.signal.addEventListener('abort', () => (leave = setTimeout(resolve, afterAbortMs)));
        });
        await Promise.race([consumption.stop(), tooLate]);
        clearTimeout(abort);
        clearTimeout(leave);
      }),
    );
  }

  /** For readiness: rejects when a consumer gets no messages, and says which and why. */
  check(): Promise<void> {
    const troubles = [...this.expired.keys()]
      .filter((consumption) => consumption.problem() !== null)
      .map((consumption) => `${consumption.feed.durable}: ${consumption.problem()}`);
    return troubles.length === 0 ? Promise.resolve() : Promise.reject(new Error(troubles.join('; ')));
  }

  on(): void {
    // Nest's hook for the events of a broker's client: NatsLink tells of them.
  }

  unwrap<T>(): T {
    return this.link.nats as T;
  }

  private eventFeed({ contract, concurrency }: EventSubscription): Feed & { filter: string } {
    const [aggregate, ...what] = contract.name.split('.');
    return {
      stream: streams.events.name,
      filter: ['events', aggregate, '*', ...what].join('.'),
      durable: `${this.service}-${contract.name.replaceAll('.', '-')}`,
      ackWaitMs: 10_000,
      maxDeliver: 10,
      concurrency,
    };
  }

  private onMessage(
    message: JsMsg,
    feed: Feed,
    subscription: Subscription,
    handler: MessageHandler,
    expired: AbortSignal,
  ): Promise<void> {
    return deliver(message, {
      feed,
      deadLetters: this.deadLetters,
      effect: () =>
        subscription.kind === 'work'
          ? this.doWork(message, subscription, handler, expired)
          : this.takeEvent(message, feed.durable, subscription, handler),
      untilDatabaseAnswers: async () => {
        if (this.dataSource) await untilDatabaseAnswers(this.dataSource, this.stopping.signal);
      },
      stopping: () => this.stopping.signal.aborted,
      pause: (ms) => pause(ms, undefined, { signal: this.stopping.signal }).catch(() => undefined),
    });
  }

  private async takeEvent(
    message: JsMsg,
    consumer: string,
    { contract, inbox }: EventSubscription,
    handler: MessageHandler,
  ): Promise<void> {
    const event = parsePayload(message, CloudEvent);
    // Another version of the event: not what this handler was written for.
    if (event.type !== eventType(contract)) return;
    const data = contract.data.safeParse(event.data);
    if (!data.success) throw new Unprocessable(`event ${event.id} has wrong data: ${data.error.message}`);
    const parsed = { ...event, data: data.data };
    if (inbox) await this.inbox!.once(consumer, event.id, (tx) => call(handler, parsed, tx));
    else await call(handler, parsed, undefined);
  }

  private async doWork(
    message: JsMsg,
    { schema }: WorkSubscription,
    handler: MessageHandler,
    signal: AbortSignal,
  ): Promise<void> {
    const work: Work = { deliveryCount: message.info.deliveryCount, signal, subject: message.subject };
    await call(handler, parsePayload(message, schema), work);
  }
}

const parsePayload = <S extends z.ZodType>(message: JsMsg, schema: S): z.output<S> => {
  let json: unknown;
  try {
    json = message.json();
  } catch {
    throw new Unprocessable('is not JSON');
  }
  const parsed = schema.safeParse(json);
  if (!parsed.success) throw new Unprocessable(`does not match its schema: ${parsed.error.message}`);
  return parsed.data;
};

/** Nest's proxy resolves also when the handler threw, to an Observable of the error: only its value is the end of the work. */
const call = async (handler: MessageHandler, payload: unknown, context: unknown): Promise<void> => {
  const result: unknown = await handler(payload, context);
  if (isObservable(result)) await lastValueFrom(result, { defaultValue: undefined });
};
