import { Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { rows } from '@pgfleet/persistence';
import { Announcer } from './announcer';
import { OperationStore } from './operation-store';

const everyMs = 5_000;
/** A message is delivered in milliseconds, and again 10 s after its process went silent: later than this it is lost. */
const overdueSeconds = 15;
const repeatSeconds = 30;

/**
 * Asks again for the run of an operation that is due but that nobody runs, and for which no message waits in the outbox: the message
 * was lost with NATS's data, or given up. One too many does no harm.
 */
@Injectable()
export class Sweep implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger('Operations');
  private timer: NodeJS.Timeout | undefined;
  private sweeping: Promise<void> = Promise.resolve();

  constructor(
    private readonly store: OperationStore,
    private readonly announcer: Announcer,
  ) {}

  onApplicationBootstrap(): void {
    this.timer = setInterval(() => {
      this.sweeping = this.sweep().catch((error: Error) =>
        this.logger.warn(`The sweep could not be made: ${error.message}`),
      );
    }, everyMs);
  }

  async onApplicationShutdown(): Promise<void> {
    clearInterval(this.timer);
    await this.sweeping;
  }

  private async sweep(): Promise<void> {
    await this.store.dataSource.transaction(async (tx) => {
      const lost = await rows<{ id: string; turn: number }>(
        tx,
        `SELECT id, turn FROM operation
         WHERE state IN ('scheduled', 'pending', 'running') AND due_at < clock_timestamp() - ${overdueSeconds} * interval '1 second'
           AND announced_at < clock_timestamp() - ${repeatSeconds} * interval '1 second'
           AND (lease_until IS NULL OR lease_until < clock_timestamp() - ${overdueSeconds} * interval '1 second')
           AND NOT EXISTS (SELECT FROM outbox WHERE outbox.id LIKE operation.id || '/%')
         ORDER BY due_at LIMIT 50 FOR UPDATE SKIP LOCKED`,
      );
      for (const { id, turn } of lost) {
        this.logger.warn(`${id} is due, but no message for it came: asking again`);
        await this.announcer.repeat(tx, id, turn);
        await tx.query('UPDATE operation SET announced_at = clock_timestamp() WHERE id = $1', [id]);
      }
    });
  }
}
