import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { type LogLine, logSubject } from '@pgfleet/contracts';
import type { NatsLink } from '../nats/nats-link';

interface Pending {
  readonly subject: string;
  readonly id: string;
  readonly text: string;
  readonly giveUpAt: number;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

const giveUpMs = 30_000;
const retryMs = 1_000;
const windowSize = 128;
/** A line is cut here: a runaway line must not stop a job. */
const lineLimit = 64 * 1024;

/** Publishes lines in order and many at a time; what was not acknowledged is published again with the same id, so stored once. */
export class LogWriter {
  private readonly queue: Pending[] = [];
  private pumping = false;

  constructor(private readonly link: NatsLink) {}

  append(line: LogLine): Promise<void> {
    const text = JSON.stringify({ ...line, line: line.line.slice(0, lineLimit) });
    return new Promise((resolve, reject) => {
      this.queue.push({
        subject: logSubject(line.operationId),
        id: randomUUID(),
        text,
        giveUpAt: Date.now() + giveUpMs,
        resolve,
        reject,
      });
      if (!this.pumping) void this.pump();
    });
  }

  private async pump(): Promise<void> {
    this.pumping = true;
    while (this.queue.length > 0) {
      const window = this.queue.splice(0, windowSize);
      const outcomes = await Promise.all(window.map((line) => this.publish(line)));
      const failed = window.filter((_, index) => !outcomes[index]);
      if (failed.length === 0) continue;
      this.queue.unshift(...failed);
      await this.link.untilUp(AbortSignal.timeout(retryMs));
      await pause(retryMs / 10);
    }
    this.pumping = false;
  }

  /** True when the line is dealt with: stored, or given up. */
  private async publish(line: Pending): Promise<boolean> {
    try {
      await this.link.publish(line.subject, line.text, line.id);
      line.resolve();
      return true;
    } catch (error) {
      if (Date.now() < line.giveUpAt && !this.link.nats.isClosed()) return false;
      line.reject(error as Error);
      return true;
    }
  }
}
