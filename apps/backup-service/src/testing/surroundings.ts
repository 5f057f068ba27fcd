import { Controller, Inject, Module, type INestApplication } from '@nestjs/common';
import { jetstream } from '@nats-io/jetstream';
import { Kvm } from '@nats-io/kv';
import type { NatsConnection } from '@nats-io/transport-node';
import {
  buckets,
  CommandJob,
  eventSubject,
  makeEvent,
  getTopology,
  jobFinished,
  type JobResult,
  listWalSights,
  newId,
  notFound,
  type ParsedInput,
  proveRestore,
  releaseLineage,
  type RequestOutput,
  type Topology,
  type WalSight,
} from '@pgfleet/contracts';
import type { Ran } from '@pgfleet/integration';
import { JobOutputs, MessagingModule, NATS, OnRequest, OnWork, startService } from '@pgfleet/messaging';

const hostKey = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHf5bVdfGz0l4ZHZr6a0wIuQ2v1mKcZ1uXk0yX8bq0aB';

/** Runs programs, and signals one to end when its job is stopped. */
interface Machine {
  run(argv: string[], stop?: AbortSignal): Promise<Ran>;
}

/** What surrounds the service, set by the spec: which clusters exist, who leads, which machines answer. */
export const world = {
  topologies: new Map<string, Topology>(),
  machines: new Map<string, Machine>(),
  /** What nodes report about their WAL. */
  sights: new Map<string, WalSight>(),
  /** Every command that ran, in order. */
  ran: [] as { host: string; argv: string[] }[],
  /** Every restore that was to be proven, in order. */
  proofs: [] as ParsedInput<typeof proveRestore>[],
  /** What cluster-service answers when a lineage is released, by its name; and every request, in order. */
  releases: new Map<string, RequestOutput<typeof releaseLineage>>(),
  askedToRelease: [] as ParsedInput<typeof releaseLineage>[],
  /** Jobs that start while this is set are not answered before it resolves. */
  hold: null as Promise<void> | null,
};

export const node = (name: string, role: Topology['nodes'][number]['role']): Topology['nodes'][number] => ({
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

  @OnRequest(releaseLineage)
  release(order: ParsedInput<typeof releaseLineage>): RequestOutput<typeof releaseLineage> {
    world.askedToRelease.push(order);
    return world.releases.get(order.stanza) ?? { released: false, leftAt: null, keptFor: 'it is written' };
  }

  @OnRequest(listWalSights)
  walSights({ clusterId }: ParsedInput<typeof listWalSights>): RequestOutput<typeof listWalSights> {
    if (clusterId === undefined) return [...world.sights.values()];
    const sight = world.sights.get(clusterId);
    if (!sight) throw notFound(`There is no cluster ${clusterId}.`);
    return [sight];
  }
}

/** Accepts proofs; the spec says how each ended. */
@Controller()
class Proofs {
  @OnRequest(proveRestore)
  prove(order: ParsedInput<typeof proveRestore>): RequestOutput<typeof proveRestore> {
    world.proofs.push(order);
    const at = new Date().toISOString();
    const times = { scheduledAt: null, createdAt: at, updatedAt: at };
    return { id: newId('op'), kind: 'cluster.proof', clusterId: null, state: 'pending', steps: [], ...times };
  }
}

/** Runs command jobs for real, in the machine's file system, and reports as ansible-runner does; only ssh is missing. */
@Controller()
class Commands {
  constructor(
    @Inject(NATS) private readonly nats: NatsConnection,
    private readonly outputs: JobOutputs,
  ) {}

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
    const { hold } = world;
    world.ran.push({ host, argv: job.argv });
    const machine = world.machines.get(host);
    const unreachable = { exitCode: 255, stdout: '', stderr: 'ssh: connect to host: No route to host' };
    const cancel = new AbortController();
    const cancels = await new Kvm(jetstream(this.nats)).open(buckets.jobCancels.name);
    const watch = await cancels.watch({ key: job.id });
    const watching = (async () => {
      for await (const _entry of watch) cancel.abort();
    })();
    const { exitCode, stdout, stderr } = machine ? await machine.run(job.argv, cancel.signal) : unreachable;
    watch.stop();
    await watching;
    await hold;
    const message = `ended with exit code ${exitCode}: ${stderr || stdout}`.slice(0, 2000);
    const result: JobResult = {
      jobId: job.id,
      operationId: job.operationId,
      step: job.step,
      state: exitCode === 0 ? 'succeeded' : 'failed',
      exitCode,
      durationMs: Date.now() - began,
      failures: exitCode === 0 ? [] : [{ host, task: job.argv.join(' ').slice(0, 120), message }],
      ...(job.capture ? await this.outputs.keep(job.id, Buffer.from(stdout)) : { output: null }),
    };
    const facts = { id: `${job.id}.finished`, service: 'ansible-runner', subject: job.id };
    const event = makeEvent(jobFinished, result, facts);
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
    controllers: [Clusters, Proofs],
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
