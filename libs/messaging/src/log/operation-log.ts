import { Injectable } from '@nestjs/common';
import { LogLine } from '@pgfleet/contracts';
import { NatsLink } from '../nats/nats-link';
import { LogReader, type LogEntry, type ReadOptions } from './log-reader';
import { LogWriter } from './log-writer';

/** The log of an operation: what its steps and jobs said, in order, in the LOGS stream for seven days. */
@Injectable()
export class OperationLog {
  private readonly writer: LogWriter;
  private readonly reader: LogReader;

  constructor(link: NatsLink) {
    this.writer = new LogWriter(link);
    this.reader = new LogReader(link);
  }

  /** Resolves when the line is stored; lines are stored in the order of the calls. Rejects after 30 s without NATS. */
  append(line: Omit<LogLine, 'time'>): Promise<void> {
    return this.writer.append(LogLine.parse({ ...line, time: new Date().toISOString() }));
  }

  /**
   * The lines of an operation after `afterSeq` (all, when it is not given), each with the number to resume after. Ends with the last
   * line there is, or with `follow` goes on with what comes until `signal` is aborted, through restarts of NATS.
   */
  read(operationId: string, options: ReadOptions): AsyncIterable<LogEntry> {
    return this.reader.read(operationId, options);
  }
}
