import { setTimeout as pause } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import type { Consumer, ConsumerMessages, JsMsg } from '@nats-io/jetstream';
import type { NatsLink } from '../nats/nats-link';
import { ensureConsumer } from './ensure-consumer';
import type { Feed } from './subscription';

const pullMs = 30_000;
const retryMs = 500;

/**
 * Feeds one handler from its durable consumer: `concurrency` slots, each of which asks the server for one message when it is free,
 * so that no message waits in a process that is busy while another replica is idle. Goes on for ever through restarts of NATS,
 * and makes the consumer again when it is gone.
 */
export class Consumption {
  private readonly logger: Logger;
  private readonly stopping = new AbortController();
  private readonly pulls = new Set<ConsumerMessages>();
  private slots: Promise<void>[] = [];
  private consumer: Promise<Consumer> | undefined;
  private trouble: string | null = 'not started yet';
  private unlisten: () => void = () => undefined;

  constructor(
    private readonly link: NatsLink,
    readonly feed: Feed,
    private readonly handle: (message: JsMsg) => Promise<void>,
  ) {
    this.logger = new Logger(`Consumer ${feed.durable}`);
  }

  start(): void {
    // Pull requests are lost with the server that had them: ask the new one at once.
    this.unlisten = this.link.onUp(() => this.closePulls());
    this.slots = Array.from({ length: this.feed.concurrency }, () => this.slot());
  }

  /** Why no messages come, null when they do. */
  problem(): string | null {
    return this.trouble;
  }

  /** Takes no more messages; resolves when those that were taken are dealt with. */
  async stop(): Promise<void> {
    this.stopping.abort();
    this.unlisten();
    this.closePulls();
    await Promise.all(this.slots);
  }

  private closePulls(): void {
    for (const pull of this.pulls) void pull.close();
  }

  private async slot(): Promise<void> {
    while (!this.stopping.signal.aborted) {
      await this.link.untilUp(this.stopping.signal);
      const consumer = (this.consumer ??= ensureConsumer(this.link.nats, this.feed));
      try {
        await this.pull(await consumer);
      } catch (error) {
        if (this.consumer === consumer) {
          this.consumer = undefined;
          this.sayTrouble((error as Error).message);
        }
        await pause(retryMs, undefined, { signal: this.stopping.signal }).catch(() => undefined);
      }
    }
  }

  private async pull(consumer: Consumer): Promise<void> {
    if (this.stopping.signal.aborted) return;
    const messages = await consumer.fetch({ max_messages: 1, expires: pullMs });
    this.pulls.add(messages);
    this.sayTrouble(null);
    try {
      for await (const message of messages) await this.handle(message);
    } finally {
      this.pulls.delete(messages);
    }
  }

  private sayTrouble(trouble: string | null): void {
    if (trouble === this.trouble) return;
    if (trouble !== null) this.logger.warn(`No messages from ${this.feed.stream} now: ${trouble}`);
    else this.logger.log(`Takes ${this.feed.filter} from ${this.feed.stream}`);
    this.trouble = trouble;
  }
}
