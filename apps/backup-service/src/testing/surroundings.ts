import { Controller, Inject, Module, type INestApplication } from '@nestjs/common';
import { jetstream } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import {
  CommandJob,
  eventSubject,
  eventType,
  getTopology,
  jobFinished,
  type JobResult,
  notFound,
  type ParsedInput,
  type RequestOutput,
  type Topology,
} from '@pgfleet/contracts';
import { MessagingModule, NATS, OnRequest, OnWork, startService } from '@pgfleet/messaging';
import type { ArchivedNode } from './archived-node';

const hostKey = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHf5bVdfGz0l4ZHZr6a0wIuQ2v1mKcZ1uXk0yX8bq0aB';

/** What is around the service, as a spec wants it: which clusters there are, who leads, which machines answer. */
export const world = {
  topologies: new Map<string, Topology>(),
  machines: new Map<string, ArchivedNode>(),
  /** Every command that was run, in order. */
  ran: [] as { host: string; argv: string[] }[],
  /** While set, jobs that have run are not answered before it resolves. */
  hold: null as Promise<void> | null,
};

export const node = (name: string, role: 'leader' | 'replica' | null): Topology['nodes'][number] => ({
  name,
  address: '127.0.0.1',
  hostKey,
  user: 'root',
  role,
  state: 'running',
});

@Controller()
class Clusters {
  @OnRequest(getTopology)
  topology({ clusterId }: ParsedInput<typeof getTopology>): RequestOutput<typeof getTopology> {
    const topology = world.topologies.get(clusterId);
    if (!topology) throw notFound(`There is no cluster ${clusterId}.`);
    return topology;
  }
}

/** Runs command jobs for real, in the machine's file system, and reports as the ansible-runner does; what it lacks is ssh. */
@Controller()
class Commands {
  constructor(@Inject(NATS) private readonly nats: NatsConnection) {}

  @OnWork({
    stream: 'JOBS',
    filter: 'jobs.command.*',
    durable: 'spec-runner',
    schema: CommandJob,
    ackWaitMs: 60_000,
    maxDeliver: 3,
    concurrency: 4,
  })
  async run(job: CommandJob): Promise<void> {
    const began = Date.now();
    const { name: host } = job.host;
    world.ran.push({ host, argv: job.argv });
    const machine = world.machines.get(host);
    const unreachable = { exitCode: 255, stdout: '', stderr: 'ssh: connect to host: No route to host' };
    const { exitCode, stdout, stderr } = machine ? await machine.run(job.argv) : unreachable;
    await world.hold;
    const message = `ended with exit code ${exitCode}: ${stderr || stdout}`.slice(0, 2000);
    const result: JobResult = {
      jobId: job.id,
      operationId: job.operationId,
      step: job.step,
      state: exitCode === 0 ? 'succeeded' : 'failed',
      exitCode,
      durationMs: Date.now() - began,
      failures: exitCode === 0 ? [] : [{ host, task: job.argv.join(' ').slice(0, 120), message }],
      output: job.capture ? stdout : null,
    };
    const event = {
      specversion: '1.0',
      id: `${job.id}.finished`,
      source: '/pgfleet/ansible-runner',
      type: eventType(jobFinished),
      subject: job.id,
      time: new Date().toISOString(),
      datacontenttype: 'application/json',
      data: result,
    };
    await jetstream(this.nats).publish(eventSubject(jobFinished, job.id), JSON.stringify(event), {
      msgID: event.id,
    });
  }
}

/** The services that backup-service talks to. */
export const startSurroundings = async (natsUrl: string): Promise<INestApplication[]> => {
  const nats = { servers: natsUrl };
  @Module({
    imports: [MessagingModule.forRoot({ service: 'cluster-service', nats, database: false })],
    controllers: [Clusters],
  })
  class ClusterService {}
  @Module({
    imports: [MessagingModule.forRoot({ service: 'ansible-runner', nats, database: false })],
    controllers: [Commands],
  })
  class Runner {}
  return [
    await startService(ClusterService, { service: 'cluster-service', httpPort: 0 }),
    await startService(Runner, { service: 'ansible-runner', httpPort: 0 }),
  ];
};
