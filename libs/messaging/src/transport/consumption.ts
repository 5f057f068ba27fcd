import { setTimeout as pause } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import type { Consumer, ConsumerMessages, JsMsg } from '@nats-io/jetstream';
import type { NatsLink } from '../nats/nats-link';
import { ensureConsumer } from './ensure-consumer';
import type { Feed } from './subscription';

/**
 * A request for a message stands for so long. Shorter than an ack wait: a process that froze must not be sent again what it has not
 * answered, but another one.
 */
const pullMs = 5_000;
const retryMs = 500;

/**
 * Feeds one handler from its durable consumer: asks the server for one message at a time, and only while fewer than `concurrency`
 * are being handled, so that no message waits in a process that is busy while another replica is idle. Goes on for ever through
 * restarts of NATS, and makes the consumer again when it is gone.
 */
export class Consumption {
  private readonly logger: Logger;
  private readonly stopping = new AbortController();
  private readonly handling = new Set<Promise<void>>();
  private pulling: ConsumerMessages | undefined;
  private loop: Promise<void> = Promise.resolve();
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
    // A pull request is lost with the server that had it: ask the new one at once.
    this.unlisten = this.link.onUp(() => void this.pulling?.close());
    this.loop = this.run();
  }

  /** Why no messages come, null when they do. */
  problem(): string | null {
    return this.trouble;
  }

  /** Takes no more messages; resolves when those that were taken are dealt with. */
  async stop(): Promise<void> {
    this.stopping.abort();
    this.unlisten();
    void this.pulling?.close();
    await this.loop;
    await Promise.all(this.handling);
  }

  private async run(): Promise<void> {
    let consumer: Consumer | undefined;
    while (!this.stopping.signal.aborted) {
      await this.link.untilUp(this.stopping.signal);
      try {
        consumer ??= await ensureConsumer(this.link.nats, this.feed);
        await this.pull(consumer);
      } catch (error) {
        consumer = undefined;
        this.sayTrouble((error as Error).message);
        await pause(retryMs, undefined, { signal: this.stopping.signal }).catch(() => undefined);
      }
    }
  }

  /** Takes one message, if there is one within the time; resolves when there is room for another. */
  private async pull(consumer: Consumer): Promise<void> {
    if (this.stopping.signal.aborted) return;
    const messages = await consumer.fetch({ max_messages: 1, expires: pullMs });
    this.pulling = messages;
    this.sayTrouble(null);
    // Stopped while the request was made.
    if (this.stopping.signal.aborted) void messages.close();
    for await (const message of messages) {
      const handled: Promise<void> = this.handle(message).finally(() => this.handling.delete(handled));
      this.handling.add(handled);
    }
    this.pulling = undefined;
    if (this.handling.size >= this.feed.concurrency) await Promise.race(this.handling);
  }

  private sayTrouble(trouble: string | null): void {
    if (trouble === this.trouble) return;
    if (trouble !== null) this.logger.warn(`No messages from ${this.feed.stream} now: ${trouble}`);
    else this.logger.log(`Takes ${this.feed.filter} from ${this.feed.stream}`);
    this.trouble = trouble;
  }
}
