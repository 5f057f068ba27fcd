import { setTimeout as pause } from 'node:timers/promises';
import { DeliverPolicy, jetstream, jetstreamManager } from '@nats-io/jetstream';
import { LogLine, logSubject, streams } from '@pgfleet/contracts';
import type { NatsLink } from '../nats/nats-link';

export interface LogEntry {
  /** Position in the stream: growing, with gaps. */
  readonly seq: number;
  readonly line: LogLine;
}

export interface ReadOptions {
  readonly afterSeq?: number;
  readonly follow: boolean;
  readonly signal?: AbortSignal;
}

const stream = streams.logs.name;
const retryMs = 500;

/** Reads by ordered consumers; each time that NATS comes back, a new one goes on after the last line. */
export class LogReader {
  constructor(private readonly link: NatsLink) {}

  async *read(operationId: string, { afterSeq = 0, follow, signal }: ReadOptions): AsyncGenerator<LogEntry> {
    const subject = logSubject(operationId);
    const last = follow ? Infinity : await this.lastSeq(subject);
    const stop = signal ?? new AbortController().signal;
    let seq = afterSeq;
    while (seq < last && !stop.aborted) {
      try {
        for await (const entry of this.readOnce(subject, seq, stop)) {
          seq = entry.seq;
          if (entry.line) yield { seq, line: entry.line };
          if (seq >= last) return;
        }
      } catch (error) {
        if (!follow) throw error;
        await pause(retryMs, undefined, { signal: stop }).catch(() => undefined);
      }
      await this.link.untilUp(stop);
    }
  }

  /** Ends when the connection was lost and is back, and when `stop` is aborted. `line` is null for what is not a line. */
  private async *readOnce(
    subject: string,
    afterSeq: number,
    stop: AbortSignal,
  ): AsyncGenerator<{ seq: number; line: LogLine | null }> {
    const consumer = await jetstream(this.link.nats).consumers.get(stream, {
      filter_subjects: subject,
      deliver_policy: DeliverPolicy.StartSequence,
      opt_start_seq: afterSeq + 1,
    });
    const messages = await consumer.consume({ max_messages: 256, expires: 10_000 });
    const close = () => void messages.close();
    const unlisten = this.link.onUp(close);
    stop.addEventListener('abort', close, { once: true });
    try {
      if (stop.aborted) return;
      for await (const message of messages) {
        const line = LogLine.safeParse(message.json());
        yield { seq: message.seq, line: line.success ? line.data : null };
      }
    } finally {
      unlisten();
      stop.removeEventListener('abort', close);
      await messages.close();
      await consumer.delete().catch(() => false);
    }
  }

  /** 0 when the operation has no lines. */
  private async lastSeq(subject: string): Promise<number> {
    const manager = await jetstreamManager(this.link.nats, { checkAPI: false });
    const message = await manager.streams.getMessage(stream, { last_by_subj: subject });
    return message?.seq ?? 0;
  }
}
