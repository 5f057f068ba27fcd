import { Inject, Injectable, Logger } from '@nestjs/common';
import { ClientNats } from '@nestjs/microservices';
import type { NatsConnection } from '@nats-io/transport-node';
import {
  ProblemError,
  type RequestContract,
  type RequestInput,
  type RequestOutput,
  requestSubject,
  type ServiceName,
  unavailable,
} from '@pgfleet/contracts';
import { Outside } from '@pgfleet/observability';
import { lastValueFrom, takeUntil, fromEvent } from 'rxjs';
import { INBOX_PREFIX, NATS } from '../tokens';
import { Reply } from './reply';

const defaultTimeoutMs = 5_000;
/** A restarted service answers again within a second or two: no reason to refuse for longer. */
const breakerResetMs = 1_000;

/** Nest's own NATS client on the connection that the service has. */
class SharedClient extends ClientNats {
  constructor(
    private readonly nats: NatsConnection,
    inboxPrefix: string,
  ) {
    super({ inboxPrefix });
  }

  override createClient(): Promise<never> {
    return Promise.resolve(this.nats as never);
  }
}

/** Asks other services, over NATS request/reply. */
@Injectable()
export class Requester {
  private readonly logger = new Logger('Requester');
  private readonly client: SharedClient;
  private readonly targets = new Map<string, Outside>();

  constructor(@Inject(NATS) nats: NatsConnection, @Inject(INBOX_PREFIX) inboxPrefix: string) {
    this.client = new SharedClient(nats, inboxPrefix);
  }

  /**
   * The answer of the service that the contract names. Throws the `ProblemError` that it was refused with, or a 503 one when there
   * is no answer: nobody listens, the time is over (default 5 s), or the breaker is open.
   */
  async ask<R extends RequestContract>(
    contract: R,
    input: RequestInput<R>,
    { timeoutMs = defaultTimeoutMs }: { timeoutMs?: number } = {},
  ): Promise<RequestOutput<R>> {
    const reply = await this.send(contract, input, timeoutMs);
    if ('problem' in reply) throw new ProblemError(reply.problem);
    return contract.output.parse(reply.output) as RequestOutput<R>;
  }

  private async send(contract: RequestContract, input: unknown, timeoutMs: number): Promise<Reply> {
    try {
      return await this.target(contract.service, timeoutMs).call(contract.name, async (signal) => {
        const reply = this.client.send<unknown, unknown>(requestSubject(contract), input);
        return Reply.parse(await lastValueFrom(reply.pipe(takeUntil(fromEvent(signal, 'abort')))));
      });
    } catch (error) {
      this.logger.warn(`${contract.service} did not answer ${contract.name}: ${reason(error)}`);
      throw unavailable(`${contract.service} does not answer`, {
        remedy: 'Try again in a moment. If it stays so, look whether the service and NATS are running.',
      });
    }
  }

  private target(service: ServiceName, timeoutMs: number): Outside {
    const key = `${service} ${timeoutMs}`;
    const known = this.targets.get(key);
    if (known) return known;
    const target = new Outside(service, { timeoutMs, resetTimeoutMs: breakerResetMs });
    this.targets.set(key, target);
    return target;
  }
}

const reason = (error: unknown): string => (error instanceof Error ? error.message : String(error));
