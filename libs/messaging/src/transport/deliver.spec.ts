import { Logger } from '@nestjs/common';
import type { JsMsg } from '@nats-io/jetstream';
import type { DeadLetters } from './dead-letters';
import { deliver, type Delivery } from './deliver';

const gone = () => Object.assign(new Error('terminating connection'), { code: '57P01' });
const message = { info: { deliveryCount: 1 }, working: jest.fn(), ack: jest.fn(), nak: jest.fn() };

describe('deliver', () => {
  beforeAll(() => Logger.overrideLogger(false));

  it('backs off while the database answers and the effect loses it all the same', async () => {
    const pauses: number[] = [];
    let runs = 0;
    const delivery: Delivery = {
      feed: { stream: 'S', filter: 's.>', durable: 'd', ackWaitMs: 10_000, maxDeliver: 5, concurrency: 1 },
      deadLetters: {} as DeadLetters,
      effect: () => ((runs += 1) < 12 ? Promise.reject(gone()) : Promise.resolve()),
      untilDatabaseAnswers: () => Promise.resolve(),
      stopping: () => false,
      pause: (ms) => {
        pauses.push(ms);
        return Promise.resolve();
      },
    };
    await deliver(message as unknown as JsMsg, delivery);
    expect(message.ack).toHaveBeenCalledTimes(1);
    expect(runs).toBe(12);
    // Back at once the first time, then 0.2, 0.4, 0.8 … up to 30 s.
    expect(pauses).toHaveLength(10);
    expect(pauses[0]).toBeLessThan(250);
    expect(pauses[4]).toBeGreaterThan(2_500);
    expect(pauses.at(-1)).toBeGreaterThan(26_000);
  });
});
