import { Inject, Injectable } from '@nestjs/common';
import { type MessageHandler, ServerNats } from '@nestjs/microservices';
import type { Msg, NatsConnection, Subscription } from '@nats-io/transport-node';
import {
  invalidInput,
  ProblemError,
  type RequestContract,
  type ServiceName,
  unavailable,
} from '@pgfleet/contracts';
import { isObservable, lastValueFrom } from 'rxjs';
import { isConnectionLost, isDatabaseGone } from '@pgfleet/persistence';
import { NATS, SERVICE } from '../tokens';
import type { Reply } from './reply';

/** Nest's own NATS transport on the connection that the service has, with a reply that carries problems as they are. */
@Injectable()
export class RequestTransport extends ServerNats {
  private readonly subscribed: Subscription[] = [];
  private readonly inFlight = new Set<Promise<unknown>>();

  constructor(
    @Inject(NATS) private readonly nats: NatsConnection,
    @Inject(SERVICE) private readonly service: ServiceName,
  ) {
    super({ queue: service });
  }

  override addHandler(
    pattern: unknown,
    callback: MessageHandler,
    isEventHandler = false,
    extras: Record<string, unknown> = {},
  ): void {
    const subject = this.normalizePattern(pattern as string);
    const contract = extras.contract as RequestContract | undefined;
    if (!contract) throw new Error(`The handler of ${subject} must be declared with @OnRequest`);
    if (contract.service !== this.service) {
      throw new Error(`${subject} is for ${contract.service} to answer, not for ${this.service}`);
    }
    if (this.messageHandlers.has(subject)) {
      throw new Error(`Two handlers on ${subject} in ${this.service}: one of them must go`);
    }
    const answering = (input: unknown) => this.answer(contract, callback, input);
    super.addHandler(pattern, answering as unknown as MessageHandler, isEventHandler, extras);
  }

  override createNatsClient(): Promise<NatsConnection> {
    return Promise.resolve(this.nats);
  }

  override async handleStatusUpdates(): Promise<void> {
    // NatsLink tells of the connection, once for all that use it.
  }

  /** Listens only once the server has the subscriptions: who asks the moment that the service has started is answered. */
  override start(callback: (error?: unknown) => void): void {
    this.bindEvents(this.nats);
    void this.nats.flush().then(() => callback(), callback);
  }

  override bindEvents(client: NatsConnection): void {
    for (const subject of this.messageHandlers.keys()) {
      const handle = this.getMessageHandler(subject) as (error: unknown, message: Msg) => Promise<unknown>;
      const callback = (error: unknown, message: Msg) => {
        const handled: Promise<unknown> = handle
          .call(this, error, message)
          .finally(() => this.inFlight.delete(handled));
        this.inFlight.add(handled);
      };
      this.subscribed.push(client.subscribe(subject, { queue: this.service, callback }));
    }
  }

  /** Takes no more requests, and answers those that it has. The connection is closed by its owner. */
  override async close(): Promise<void> {
    await Promise.all(this.subscribed.map((subscription) => subscription.drain().catch(() => undefined)));
    await Promise.all(this.inFlight);
    // Nest publishes a reply on the next tick.
    await new Promise((resolve) => setImmediate(resolve));
  }

  private async answer(contract: RequestContract, handler: MessageHandler, raw: unknown): Promise<Reply> {
    try {
      const input = contract.input.safeParse(raw);
      if (!input.success) throw invalidInput(`${contract.name}: ${input.error.message}`);
      const result: unknown = await handler(input.data);
      const output = isObservable(result) ? await lastValueFrom(result, { defaultValue: undefined }) : result;
      return { output: contract.output.parse(output) };
    } catch (error) {
      if (error instanceof ProblemError) return { problem: error.problem };
      if (isDatabaseGone(error)) return { problem: withoutDatabase(contract, error as Error).problem };
      if (isConnectionLost(error)) return { problem: withoutOther(contract, error as Error).problem };
      this.logger.error(`${contract.name} failed: ${(error as Error).message}`, (error as Error).stack);
      return { problem: internalProblem(contract) };
    }
  }
}

/** Not the request's fault, nor a fault of ours: nothing was changed, and asking again soon is right. */
const withoutDatabase = (contract: RequestContract, error: Error) =>
  unavailable(`The database of ${contract.service} does not answer: ${error.message}`, {
    remedy: 'Ask again in some seconds; repeat a POST with the same Idempotency-Key.',
  });

/** Another system that the request needs is away: etcd, the machine provider, a cluster. */
const withoutOther = (contract: RequestContract, error: Error) =>
  unavailable(`${contract.service} could not reach a system that ${contract.name} needs: ${error.message}`, {
    remedy: 'Try again in a few seconds; repeat a POST with the same Idempotency-Key.',
  });

const internalProblem = (contract: RequestContract) => ({
  type: 'urn:pgfleet:problem:internal',
  title: 'An internal error occurred',
  status: 500,
  code: 'internal',
  detail: `${contract.service} could not answer ${contract.name}`,
  remedy: `Look at the log of ${contract.service}.`,
});
