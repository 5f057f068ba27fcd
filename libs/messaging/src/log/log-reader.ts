import { DeliverPolicy, jetstream, jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { LogLine, logSubject, streams } from '@pgfleet/contracts';

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

/** Reads by an ordered consumer, which is made again where it was when NATS restarts. */
export class LogReader {
  constructor(private readonly nats: NatsConnection) {}

  async *read(operationId: string, { afterSeq = 0, follow, signal }: ReadOptions): AsyncGenerator<LogEntry> {
    const subject = logSubject(operationId);
    const last = follow ? Infinity : await this.lastSeq(subject);
    if (last <= afterSeq || signal?.aborted) return;
    const consumer = await jetstream(this.nats).consumers.get(stream, {
      filter_subjects: subject,
      deliver_policy: DeliverPolicy.StartSequence,
      opt_start_seq: afterSeq + 1,
      // The server drops it when this process has been gone for so long.
      inactive_threshold: 60_000,
    });
    const messages = await consumer.consume({ max_messages: 256 });
    const stop = () => void messages.close();
    signal?.addEventListener('abort', stop, { once: true });
    try {
      for await (const message of messages) {
        if (signal?.aborted) return;
        const line = LogLine.safeParse(message.json());
        if (line.success) yield { seq: message.seq, line: line.data };
        if (message.seq >= last) return;
      }
    } finally {
      signal?.removeEventListener('abort', stop);
      await messages.close();
      await consumer.delete().catch(() => false);
    }
  }

  /** 0 when the operation has no lines. */
  private async lastSeq(subject: string): Promise<number> {
    const manager = await jetstreamManager(this.nats, { checkAPI: false });
    const message = await manager.streams.getMessage(stream, { last_by_subj: subject });
    return message?.seq ?? 0;
  }
}
