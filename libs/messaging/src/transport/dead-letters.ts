import { Inject, Injectable } from '@nestjs/common';
import type { JsMsg } from '@nats-io/jetstream';
import type { ServiceName } from '@pgfleet/contracts';
import { z } from 'zod';
import { NatsLink } from '../nats/nats-link';
import { SERVICE } from '../tokens';

/** What stands in the DEAD stream for a message that was given up, on `dead.<service>.<durable>`. */
export const DeadLetter = z.object({
  stream: z.string(),
  seq: z.int(),
  subject: z.string(),
  durable: z.string(),
  deliveries: z.int(),
  reason: z.string(),
  at: z.iso.datetime(),
  payload: z.string(),
});
export type DeadLetter = z.infer<typeof DeadLetter>;

/** Longer payloads are cut here; the message itself stays in EVENTS, but not in a work queue. */
const payloadLimit = 800 * 1024;

@Injectable()
export class DeadLetters {
  constructor(
    private readonly link: NatsLink,
    @Inject(SERVICE) private readonly service: ServiceName,
  ) {}

  /** Stores the message with the reason; resolves when the DEAD stream has it. */
  async bury(message: JsMsg, durable: string, reason: string): Promise<void> {
    const { stream, streamSequence, deliveryCount } = message.info;
    const letter: DeadLetter = {
      stream,
      seq: streamSequence,
      subject: message.subject,
      durable,
      deliveries: deliveryCount,
      reason: reason.slice(0, 4_000),
      at: new Date().toISOString(),
      payload: message.string().slice(0, payloadLimit),
    };
    const id = `${stream}/${streamSequence}/${durable}`;
    await this.link.publish(`dead.${this.service}.${durable}`, JSON.stringify(letter), id);
  }
}
