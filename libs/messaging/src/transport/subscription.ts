import type { EventContract } from '@pgfleet/contracts';
import type { z } from 'zod';

/** How one handler is fed from its stream. */
export interface Feed {
  readonly stream: string;
  /** The subjects of the stream that it takes. */
  readonly filter: string;
  /** Name of the durable consumer, shared by all replicas of a service. */
  readonly durable: string;
  /** Silence after which the server delivers a message again, to any replica; it is kept up while the handler runs. */
  readonly ackWaitMs: number;
  /** After this many deliveries a handler's error sends the message to the DEAD stream. */
  readonly maxDeliver: number;
  /** Handlers that run at once in one process. */
  readonly concurrency: number;
  /** On shutdown, how long a running handler may take before its `signal` is aborted. Default 20 s. */
  readonly drainMs?: number;
}

/** What a work handler is told beside the payload. */
export interface Work {
  /** 1 for the first delivery. */
  readonly deliveryCount: number;
  /** Aborted when the process is stopping and the handler has had its time. */
  readonly signal: AbortSignal;
  readonly subject: string;
}

export interface EventSubscription {
  readonly kind: 'event';
  readonly contract: EventContract;
  readonly inbox: boolean;
  readonly concurrency: number;
}

export interface WorkSubscription extends Feed {
  readonly kind: 'work';
  readonly schema: z.ZodType;
}

export type Subscription = EventSubscription | WorkSubscription;
