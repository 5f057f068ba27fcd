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
 * Tells listeners that a step of an operation, or the operation, has changed. Each replica of the gateway has a consumer of its own
 * that begins now. It only wakes up: a change that is missed while NATS is away costs time and nothing else.
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

  /** Calls back on every change of the operation; returns how to stop that. */
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
