import { type CloudEvent, type EventContract, type EventData, eventSubject } from '@pgfleet/contracts';
import type { EntityManager } from 'typeorm';
import { handleWith } from './handle-with';
import type { HandlerDecorator } from './handler-decorator';
import type { EventSubscription } from './subscription';

type InboxHandler<E extends EventContract> = (
  event: CloudEvent<EventData<E>>,
  tx: EntityManager,
) => Promise<unknown>;
type PlainHandler<E extends EventContract> = (event: CloudEvent<EventData<E>>) => Promise<unknown>;

interface OnEventOptions {
  /** False in a service without a database: the handler must then bear the same event twice. */
  inbox?: boolean;
  /** Events handled at once by one process, default 1: in the order of the stream. */
  concurrency?: number;
}

/**
 * Calls a controller's method for every event of `contract`, once in effect: it runs in the transaction that records the event's id,
 * and a delivery that was recorded already is acknowledged unseen. What it throws is retried with backoff, then dead-lettered.
 * The durable consumer is `<service>-<event name with dashes>`.
 */
export function OnEvent<E extends EventContract>(
  contract: E,
  options: OnEventOptions & { inbox: false },
): HandlerDecorator<PlainHandler<E>>;
export function OnEvent<E extends EventContract>(
  contract: E,
  options?: OnEventOptions & { inbox?: true },
): HandlerDecorator<InboxHandler<E>>;
export function OnEvent(contract: EventContract, options: OnEventOptions = {}): MethodDecorator {
  const subscription: EventSubscription = {
    kind: 'event',
    contract,
    inbox: options.inbox ?? true,
    concurrency: options.concurrency ?? 1,
  };
  return handleWith(eventSubject(contract, '*'), subscription);
}
