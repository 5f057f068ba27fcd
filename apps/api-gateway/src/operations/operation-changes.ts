import { setTimeout as pause } from 'node:timers/promises';
import {
  type BeforeApplicationShutdown,
  Inject,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import { type ConsumerMessages, DeliverPolicy, jetstream } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import {
  eventSubject,
  operationCancelled,
  operationFailed,
  operationRetried,
  operationStepStarted,
  operationStepSucceeded,
  operationSucceeded,
  streams,
} from '@pgfleet/contracts';
import { NATS } from '@pgfleet/messaging';

const changes = [
  operationStepStarted,
  operationStepSucceeded,
  operationSucceeded,
  operationFailed,
  operationCancelled,
  operationRetried,
].map((event) => eventSubject(event, '*'));
const retryMs = 1_000;

/**
 * Tells listeners that an operation or one of its steps has changed. Each replica of the gateway has its own consumer, which starts with
 * new events. It only wakes listeners up, so a change missed during a NATS outage only delays them.
 */
@Injectable()
export class OperationChanges implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly logger = new Logger('OperationChanges');
  private readonly listeners = new Map<string, Set<() => void>>();
  private readonly stopping = new AbortController();
  private messages: ConsumerMessages | undefined;

  constructor(@Inject(NATS) private readonly nats: NatsConnection) {}

  onApplicationBootstrap(): void {
    void this.watch();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.stopping.abort();
    await this.messages?.close();
  }

  /** Calls `listener` on every change of the operation. Returns a function that stops this. */
  listen(operationId: string, listener: () => void): () => void {
    const listeners = this.listeners.get(operationId) ?? new Set();
    this.listeners.set(operationId, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.listeners.get(operationId) === listeners)
        this.listeners.delete(operationId);
    };
  }

  private async watch(): Promise<void> {
    while (!this.stopping.signal.aborted) {
      try {
        await this.consume();
      } catch (error) {
        this.logger.warn(`Cannot follow changes of operations: ${(error as Error).message}`);
        await pause(retryMs, undefined, { signal: this.stopping.signal }).catch(() => undefined);
      }
    }
  }

  private async consume(): Promise<void> {
    const consumer = await jetstream(this.nats).consumers.get(streams.events.name, {
      filter_subjects: changes,
      deliver_policy: DeliverPolicy.New,
    });
    this.messages = await consumer.consume();
    if (this.stopping.signal.aborted) await this.messages.close();
    for await (const { subject } of this.messages) {
      const [, , operationId = ''] = subject.split('.');
      for (const listener of [...(this.listeners.get(operationId) ?? [])]) listener();
    }
  }
}
