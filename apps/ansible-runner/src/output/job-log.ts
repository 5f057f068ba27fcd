import { Logger } from '@nestjs/common';
import type { Job, LogLine, Progress } from '@pgfleet/contracts';
import type { OperationLog } from '@pgfleet/messaging';
import type { SecretMask } from './secret-mask';

/** How many lines may be in flight to NATS before reading the job's output waits for them. */
const maxOnTheWay = 1000;

/** A job's output while it runs, as lines of its operation's log: in order, with many in flight. */
export class JobLog {
  private readonly logger = new Logger(JobLog.name);
  private readonly onTheWay = new Set<Promise<void>>();
  private lost = 0;

  constructor(
    private readonly log: Pick<OperationLog, 'append'>,
    private readonly job: Pick<Job, 'id' | 'operationId' | 'step'>,
    private readonly attempt: number,
    private readonly mask: SecretMask,
  ) {}

  output(stream: 'stdout' | 'stderr', line: string): void {
    this.append({ stream, line });
  }

  /** Output of a program whose progress is logged as well. */
  raw(stream: 'stdout' | 'stderr', line: string): void {
    this.append({ stream, line, raw: true });
  }

  progress(progress: Progress): void {
    const { event, play, task, host, status, message } = progress;
    const what = event === 'play' ? play : task;
    const line = [event, host, status, what, message?.split('\n')[0]].filter(Boolean).join(' | ');
    this.append({ stream: 'progress', line, progress, ...(host && { host }) });
  }

  /** A message from the runner itself. */
  note(line: string): void {
    this.append({ stream: 'note', line: this.mask.apply(line) });
  }

  /** Resolves when there is room for more lines: await it between chunks of output. */
  async room(): Promise<void> {
    while (this.onTheWay.size > maxOnTheWay) await Promise.race(this.onTheWay);
  }

  /** Resolves when every line is stored. */
  async flush(): Promise<void> {
    await Promise.all(this.onTheWay);
    if (this.lost > 0) this.logger.error(`${this.job.id}: ${this.lost} lines of output could not be stored`);
    this.lost = 0;
  }

  private append(line: Pick<LogLine, 'stream' | 'line' | 'progress' | 'host' | 'raw'>): void {
    const { operationId, step, id: jobId } = this.job;
    const stored = this.log
      .append({ operationId, step, jobId, attempt: this.attempt, ...line })
      .catch(() => void (this.lost += 1))
      .finally(() => this.onTheWay.delete(stored));
    this.onTheWay.add(stored);
  }
}
