import { Logger } from '@nestjs/common';
import type { JsMsg } from '@nats-io/jetstream';
import { isDatabaseGone } from '@pgfleet/persistence';
import { backoffMs } from '../backoff';
import type { DeadLetters } from './dead-letters';
import { LeftToOthers, RetryLater, Unprocessable } from './retry-later';
import type { Feed } from './subscription';

/** Deliveries beyond `maxDeliver` that are allowed for RetryLater, and for processes that died, before a message is given up. */
const extraDeliveries = 100;
const logger = new Logger('Delivery');

export interface Delivery {
  readonly feed: Feed;
  readonly deadLetters: DeadLetters;
  /** Does the work; may be called again for the same delivery when the database went away under it. */
  readonly effect: () => Promise<void>;
  /** Resolves when the database is back. Rejects, or resolves early, when the process is stopping. */
  readonly untilDatabaseAnswers: () => Promise<void>;
  readonly stopping: () => boolean;
  /** Waits so many milliseconds, or until the process is stopping. */
  readonly pause: (ms: number) => Promise<void>;
}

/**
 * Does what a message asks for and then answers for it: ack after the effect; nak with a delay when it is to come again; to the DEAD
 * stream with the reason when it is given up. A database that is away is nobody's fault: the message is held until it is back.
 */
export const deliver = async (message: JsMsg, delivery: Delivery): Promise<void> => {
  const { feed } = delivery;
  const keepAlive = setInterval(() => message.working(), Math.max(250, feed.ackWaitMs / 3.3));
  try {
    if (message.info.deliveryCount > feed.maxDeliver + extraDeliveries) {
      await giveUp(message, delivery, 'was delivered too often; processes died while they handled it');
      return;
    }
    await runThroughOutages(delivery);
    message.ack();
  } catch (error) {
    await answerFailure(message, delivery, error);
  } finally {
    clearInterval(keepAlive);
  }
};

/** A database may answer again and the effect fail all the same: each further run waits longer. */
const runThroughOutages = async (delivery: Delivery): Promise<void> => {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await delivery.effect();
    } catch (error) {
      if (!isDatabaseGone(error) || delivery.stopping()) throw error;
      logger.warn(`${delivery.feed.durable} waits for the database: ${(error as Error).message}`);
      await delivery.untilDatabaseAnswers();
      if (attempt > 1) await delivery.pause(backoffMs(attempt - 1));
      if (delivery.stopping()) throw error;
    }
  }
};

const answerFailure = async (message: JsMsg, delivery: Delivery, error: unknown): Promise<void> => {
  const { feed } = delivery;
  const { deliveryCount } = message.info;
  const reason = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  if (error instanceof LeftToOthers) return;
  if (error instanceof RetryLater) {
    message.nak(error.ms);
  } else if (isDatabaseGone(error)) {
    message.nak(1_000);
  } else if (error instanceof Unprocessable || deliveryCount >= feed.maxDeliver) {
    await giveUp(message, delivery, reason);
  } else {
    const delay = backoffMs(deliveryCount);
    logger.warn(
      `${feed.durable} failed at ${message.subject}, delivery ${deliveryCount}, again in ${delay} ms: ${reason}`,
    );
    message.nak(delay);
  }
};

const giveUp = async (message: JsMsg, delivery: Delivery, reason: string): Promise<void> => {
  const { feed, deadLetters } = delivery;
  try {
    await deadLetters.bury(message, feed.durable, reason);
    message.term(reason.slice(0, 200).replaceAll(/\s+/g, ' '));
    logger.error(
      `${feed.durable} gave up ${message.subject} (${feed.stream} ${message.seq}), kept in DEAD: ${reason}`,
    );
  } catch (error) {
    logger.error(`${feed.durable} cannot dead-letter ${message.subject}: ${(error as Error).message}`);
    message.nak(5_000);
  }
};
