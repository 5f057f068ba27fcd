import { type BeforeApplicationShutdown, Injectable, Logger } from '@nestjs/common';
import { hasEnded, type LogLine, type LogText, type Operation, unavailable } from '@pgfleet/contracts';
import { OperationLog } from '@pgfleet/messaging';
import type { Response } from 'express';
import { openStreams } from '../http/http-metrics';
import { EventStream } from './event-stream';
import { OperationChanges } from './operation-changes';
import { OperationOwners } from './operation-owners';
import { readableLine } from './readable-line';
import { StepChanges } from './step-changes';

const heartbeatMs = 15_000;
/** Each stream has a consumer in NATS. */
const maxStreams = 500;

/** How a stream is to be read: from which line on, and with whole lines. */
export interface StreamOptions {
  afterSeq: number;
  raw: boolean;
}

/** Logs of operations as event streams: the lines there are, those that come, changes of steps, and the end. */
@Injectable()
export class LogStreams implements BeforeApplicationShutdown {
  private readonly logger = new Logger('LogStreams');
  private readonly stopping = new AbortController();
  private open = 0;

  constructor(
    private readonly owners: OperationOwners,
    private readonly log: OperationLog,
    private readonly changes: OperationChanges,
  ) {}

  /** Answers with a stream and returns; it goes on by itself until the operation ends, the reader goes, or the gateway stops. */
  start(response: Response, operationId: string, options: StreamOptions): void {
    if (this.open >= maxStreams) throw unavailable(`${maxStreams} event streams are open already`);
    this.open += 1;
    openStreams.inc();
    const stream = new EventStream(response);
    this.run(stream, operationId, options)
      // The reader comes back with Last-Event-ID, to this replica or another one.
      .catch((error: Error) => this.logger.warn(`The log of ${operationId} broke off: ${error.message}`))
      .finally(() => {
        stream.end();
        this.open -= 1;
        openStreams.dec();
      });
  }

  beforeApplicationShutdown(): void {
    this.stopping.abort();
  }

  private async run(
    stream: EventStream,
    operationId: string,
    { afterSeq, raw }: StreamOptions,
  ): Promise<void> {
    const stop = AbortSignal.any([stream.closed, this.stopping.signal]);
    const steps = new StepChanges();
    const look = async (): Promise<Operation> => {
      const operation = await this.owners.get(operationId);
      for (const change of steps.since(operation)) await stream.send('step', change);
      return operation;
    };
    let last = afterSeq;
    const send = async (lines: AsyncIterable<{ seq: number; line: LogLine }>) => {
      for await (const { seq, line } of lines) {
        const data = raw ? { seq, ...line } : shortened(seq, line);
        if (data) await stream.send('line', data, seq);
        last = seq;
        if (stop.aborted) return;
      }
    };
    while (!stop.aborted) {
      await this.untilEnded(stream, operationId, look, (ended) =>
        send(
          this.log.read(operationId, {
            afterSeq: last,
            follow: true,
            signal: AbortSignal.any([stop, ended]),
          }),
        ),
      );
      if (stop.aborted) return;
      // Lines are stored before the event of the end is.
      await send(this.log.read(operationId, { afterSeq: last, follow: false, signal: stop }));
      const operation = await look();
      if (!hasEnded(operation)) continue;
      await stream.send('end', operation);
      return;
    }
  }

  /** Runs `follow` until the operation has ended. It is looked at when the stream begins, on every change of it, and now and then. */
  private async untilEnded(
    stream: EventStream,
    operationId: string,
    look: () => Promise<Operation>,
    follow: (ended: AbortSignal) => Promise<void>,
  ): Promise<void> {
    const ended = new AbortController();
    let looking = false;
    let again = false;
    // One look at a time, so that changes are told in order; a change during a look makes one more.
    const lookSoon = async () => {
      again = true;
      if (looking) return;
      looking = true;
      try {
        while (again) {
          again = false;
          if (hasEnded(await look())) ended.abort();
        }
      } finally {
        looking = false;
      }
    };
    const wake = () => void lookSoon().catch(() => undefined);
    const forget = this.changes.listen(operationId, wake);
    const timer = setInterval(() => {
      stream.heartbeat();
      wake();
    }, heartbeatMs);
    try {
      await lookSoon();
      await follow(ended.signal);
    } finally {
      clearInterval(timer);
      forget();
    }
  }
}

const shortened = (seq: number, line: LogLine): LogText | null => {
  const text = readableLine(line);
  return text === null ? null : { seq, time: line.time, step: line.step, text };
};
