import { type BeforeApplicationShutdown, Injectable, Logger } from '@nestjs/common';
import { hasEnded, type LogEntry, unavailable } from '@pgfleet/contracts';
import { OperationLog } from '@pgfleet/messaging';
import type { Response } from 'express';
import { openStreams } from '../http/http-metrics';
import { EventStream } from './event-stream';
import { OperationEnds } from './operation-ends';
import { OperationOwners } from './operation-owners';

const heartbeatMs = 15_000;
/** Each stream has a consumer in NATS. */
const maxStreams = 500;

/** Logs of operations as event streams: the lines there are, those that come, and the end. */
@Injectable()
export class LogStreams implements BeforeApplicationShutdown {
  private readonly logger = new Logger('LogStreams');
  private readonly stopping = new AbortController();
  private open = 0;

  constructor(
    private readonly owners: OperationOwners,
    private readonly log: OperationLog,
    private readonly ends: OperationEnds,
  ) {}

  /** Answers with a stream and returns; it goes on by itself until the operation ends, the reader goes, or the gateway stops. */
  start(response: Response, operationId: string, afterSeq: number): void {
    if (this.open >= maxStreams) throw unavailable(`${maxStreams} event streams are open already`);
    this.open += 1;
    openStreams.inc();
    const stream = new EventStream(response);
    this.run(stream, operationId, afterSeq)
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

  private async run(stream: EventStream, operationId: string, afterSeq: number): Promise<void> {
    const stop = AbortSignal.any([stream.closed, this.stopping.signal]);
    let last = afterSeq;
    const send = async (lines: AsyncIterable<{ seq: number; line: Omit<LogEntry, 'seq'> }>) => {
      for await (const { seq, line } of lines) {
        await stream.send('line', { seq, ...line }, seq);
        last = seq;
        if (stop.aborted) return;
      }
    };
    while (!stop.aborted) {
      await this.untilEnded(stream, operationId, stop, (signal) =>
        send(this.log.read(operationId, { afterSeq: last, follow: true, signal })),
      );
      if (stop.aborted) return;
      // Lines are stored before the event of the end is.
      await send(this.log.read(operationId, { afterSeq: last, follow: false, signal: stop }));
      const operation = await this.owners.get(operationId);
      if (!hasEnded(operation)) continue;
      await stream.send('end', operation);
      return;
    }
  }

  /** Runs `follow` until the operation has ended, which is looked up at the beginning, when its event comes, and now and then. */
  private async untilEnded(
    stream: EventStream,
    operationId: string,
    stop: AbortSignal,
    follow: (signal: AbortSignal) => Promise<void>,
  ): Promise<void> {
    const ended = new AbortController();
    const look = async () => {
      if (hasEnded(await this.owners.get(operationId))) ended.abort();
    };
    const forget = this.ends.listen(operationId, () => ended.abort());
    const timer = setInterval(() => {
      stream.heartbeat();
      look().catch(() => undefined);
    }, heartbeatMs);
    try {
      await look();
      await follow(AbortSignal.any([stop, ended.signal]));
    } finally {
      clearInterval(timer);
      forget();
    }
  }
}
