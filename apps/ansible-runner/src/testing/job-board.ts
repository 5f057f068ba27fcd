import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { Kvm } from '@nats-io/kv';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import {
  buckets,
  CloudEvent,
  eventSubject,
  type Job,
  jobFinished,
  JobResult,
  jobSubject,
  type LogLine,
  newId,
  streams,
} from '@pgfleet/contracts';
import { eventually } from '@pgfleet/integration';
import { JobOutputs, NatsLink, OperationLog, provision } from '@pgfleet/messaging';

/** Does what the services around the runner do: orders jobs, cancels them, and reads their results. */
export class JobBoard {
  private readonly operationLog: OperationLog;

  private constructor(readonly nats: NatsConnection) {
    this.operationLog = new OperationLog(new NatsLink(nats));
  }

  static async open(url: string): Promise<JobBoard> {
    const nats = await connect({ servers: url, maxReconnectAttempts: -1, reconnectTimeWait: 100 });
    await provision(nats);
    return new JobBoard(nats);
  }

  playbook(playbook: string, more: Record<string, unknown> = {}): Job {
    const vars = { ansible_connection: 'local' };
    const hostKey = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHf5bVdfGz0l4ZHZr6a0wIuQ2v1mKcZ1uXk0yX8bq0aB';
    return {
      ...this.ids(),
      kind: 'playbook',
      playbook,
      groups: { nodes: [{ name: 'n1', address: '127.0.0.1', hostKey, user: 'root', vars }] },
      vars: {},
      secretsOf: null,
      ...more,
    } as Job;
  }

  ids() {
    return { id: newId('job'), operationId: newId('op'), step: 'configure', deadlineSeconds: 120 };
  }

  async order(job: Job): Promise<void> {
    await jetstream(this.nats).publish(jobSubject(job), JSON.stringify(job));
  }

  async cancel(job: Job): Promise<void> {
    await (await new Kvm(this.nats).open(buckets.jobCancels.name)).put(job.id, 'cancel');
  }

  /** Every `job.finished` event of the job that is in the stream now. */
  async events(job: Job): Promise<CloudEvent<JobResult>[]> {
    const consumer = await jetstream(this.nats).consumers.get(streams.events.name, {
      filter_subjects: eventSubject(jobFinished, job.id),
    });
    const events: CloudEvent<JobResult>[] = [];
    const { num_pending: count } = await consumer.info();
    if (count > 0) {
      for await (const message of await consumer.fetch({ max_messages: count, expires: 2000 })) {
        const event = CloudEvent.parse(message.json());
        events.push({ ...event, data: JobResult.parse(event.data) });
      }
    }
    await consumer.delete();
    return events;
  }

  result(job: Job, withinMs = 30_000): Promise<JobResult> {
    return eventually(async () => {
      const [event] = await this.events(job);
      if (!event) throw new Error(`${job.id} has not finished`);
      return event.data;
    }, withinMs);
  }

  output(result: JobResult): Promise<Buffer | null> {
    return new JobOutputs(this.nats).read(result);
  }

  /** Jobs in the queue, waiting or running. */
  async waiting(): Promise<number> {
    const manager = await jetstreamManager(this.nats);
    return (await manager.streams.info(streams.jobs.name)).state.messages;
  }

  async log({ operationId }: Job): Promise<LogLine[]> {
    const lines: LogLine[] = [];
    for await (const { line } of this.operationLog.read(operationId, {
      follow: false,
    }))
      lines.push(line);
    return lines;
  }

  close(): Promise<void> {
    return this.nats.close();
  }
}
