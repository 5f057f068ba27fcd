import { Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { rows } from '@pgfleet/persistence';
import { DataSource, type EntityManager } from 'typeorm';

/** One day more than the EVENTS stream keeps events: nothing that can be redelivered is forgotten. */
const keepDays = 8;
const pruneEveryMs = 3_600_000;

/** Lets the effect of an event happen once per consumer, however often the event is delivered. */
@Injectable()
export class Inbox implements OnApplicationBootstrap, OnApplicationShutdown {
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly dataSource: DataSource) {}

  /**
   * Runs `effect` in a transaction that also records the id, and returns true; returns false when it was recorded before. A second
   * delivery that comes while the first is being handled waits for the first one's commit.
   */
  async once(
    consumer: string,
    id: string,
    effect: (tx: EntityManager) => Promise<unknown>,
  ): Promise<boolean> {
    return this.dataSource.transaction(async (tx) => {
      const recorded = await rows(
        tx,
        'INSERT INTO inbox (consumer, id) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING id',
        [consumer, id],
      );
      if (recorded.length === 0) return false;
      await effect(tx);
      return true;
    });
  }

  async prune(): Promise<void> {
    await this.dataSource.query(
      `DELETE FROM inbox WHERE received_at < now() - ${keepDays} * interval '1 day'`,
    );
  }

  onApplicationBootstrap(): void {
    // A failed prune is made up for by the next one.
    this.timer = setInterval(() => void this.prune().catch(() => undefined), pruneEveryMs);
  }

  onApplicationShutdown(): void {
    clearInterval(this.timer);
  }
}
