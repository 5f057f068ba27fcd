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
/** Each stream uses a consumer in NATS. */
const maxStreams = 500;

/** Where a stream starts, and whether it sends complete lines. */
export interface StreamOptions {
  afterSeq: number;
  raw: boolean;
}

/** Logs of operations as event streams: existing lines, new lines, changes of steps, and the end. */
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

  /** Starts a stream and returns. The stream runs until the operation ends, the reader disconnects, or the gateway stops. */
  start(response: Response, operationId: string, options: StreamOptions): void {
    if (this.open >= maxStreams)
      throw unavailable(`The gateway already serves ${maxStreams} event streams, its limit`);
    this.open += 1;
    openStreams.inc();
    const stream = new EventStream(response);
    this.run(stream, operationId, options)
      // The reader reconnects with Last-Event-ID, to this replica or another one.
      .catch((error: Error) =>
        this.logger.warn(`The log stream of ${operationId} broke off: ${error.message}`),
      )
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
      // All lines are stored before the event that ends the operation.
      await send(this.log.read(operationId, { afterSeq: last, follow: false, signal: stop }));
      const operation = await look();
      if (!hasEnded(operation)) continue;
      await stream.send('end', operation);
      return;
    }
  }

  /** Runs `follow` until the operation has ended. Reads the operation at the start, on every change, and with every heartbeat. */
  private async untilEnded(
    stream: EventStream,
    operationId: string,
    look: () => Promise<Operation>,
    follow: (ended: AbortSignal) => Promise<void>,
  ): Promise<void> {
    const ended = new AbortController();
    let looking = false;
    let again = false;
    // Reads one at a time, so that changes are sent in order. A change during a read causes one more read.
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
