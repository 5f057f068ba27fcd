import { Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import { isDatabaseGone } from '@pgfleet/persistence';
import { backoffMs } from '../backoff';
import { NatsLink, publishTimeoutMs } from '../nats/nats-link';
import { OutboxCommitSubscriber } from './outbox-commit.subscriber';
import { OutboxTable, type OutboxRow } from './outbox-table';

/**
 * Longer than a publish can take, so that no other process publishes the same row at the same time; and no longer than need be,
 * as the rows of a process that died wait for its end.
 */
const leaseMs = publishTimeoutMs + 2_000;
const pollMs = 1_000;

/**
 * Publishes what was committed to the outbox: at once after a commit of this process, within a second for what another process
 * left behind. Nats-Msg-Id is the row's id, so that a row published again (the process died, or NATS did, before the row was
 * deleted) is dropped by the stream.
 */
@Injectable()
export class OutboxRelay implements OnApplicationBootstrap {
  private readonly logger = new Logger('Outbox');
  private timer: NodeJS.Timeout | undefined;
  private running: Promise<void> | undefined;
  private again = false;
  private stopped = false;

  constructor(
    private readonly table: OutboxTable,
    private readonly link: NatsLink,
  ) {}

  onApplicationBootstrap(): void {
    this.table.dataSource.subscribers.push(new OutboxCommitSubscriber(() => this.wake()));
    this.link.onUp(() => this.wake());
    this.wake();
  }

  /** Something may be due: look now, and once more after the look that is under way. */
  wake(): void {
    if (this.stopped) return;
    if (this.running) {
      this.again = true;
      return;
    }
    clearTimeout(this.timer);
    this.running = this.drain().finally(() => {
      this.running = undefined;
      if (this.again) {
        this.again = false;
        this.wake();
      }
    });
  }

  /** Publishes what is due, then stops. What cannot be published now stays for another process, or the next start. */
  async stop(): Promise<void> {
    this.wake();
    while (this.running) await this.running;
    this.stopped = true;
    clearTimeout(this.timer);
  }

  private async drain(): Promise<void> {
    let nextInMs = pollMs;
    try {
      while (this.link.isUp() && (await this.publishBatch()) > 0);
      nextInMs = Math.min(pollMs, await this.table.nextDueInMs());
    } catch (error) {
      const log = isDatabaseGone(error) ? 'warn' : 'error';
      this.logger[log](`Cannot read the outbox, will go on: ${(error as Error).message}`);
    }
    if (!this.stopped) this.timer = setTimeout(() => this.wake(), nextInMs);
  }

  /** Returns how many rows were published. */
  private async publishBatch(): Promise<number> {
    const batch = await this.table.claim(leaseMs);
    const runs = new Map<string, OutboxRow[]>();
    for (const row of batch) {
      const key = row.orderingKey ?? row.id;
      runs.set(key, [...(runs.get(key) ?? []), row]);
    }
    const counts = await Promise.all([...runs.values()].map((run) => this.publishRun(run)));
    return counts.reduce((sum, count) => sum + count, 0);
  }

  /** Publishes rows one after the other, up to the first that fails; returns how many. */
  private async publishRun(run: readonly OutboxRow[]): Promise<number> {
    let count = 0;
    let failure: string | null = null;
    for (const row of run) {
      failure = await this.publish(row);
      if (failure) break;
      count++;
    }
    await this.table.remove(run.slice(0, count));
    const failed = run[count];
    if (failed && failure) {
      await this.table.giveBack(run.slice(count + 1));
      await this.table.release(failed, failure, backoffMs(failed.attempts));
    }
    return count;
  }

  /** Returns why it failed, null when the stream has the message. */
  private async publish(row: OutboxRow): Promise<string | null> {
    try {
      await this.link.publish(row.subject, row.payload, row.id);
      return null;
    } catch (error) {
      const reason = (error as Error).message;
      this.logger.warn(`${row.subject} was not published (try ${row.attempts}), will try again: ${reason}`);
      return reason;
    }
  }
}
