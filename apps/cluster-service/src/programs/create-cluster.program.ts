import { Inject, Injectable } from '@nestjs/common';
import { clusterReady, type JobResult, type OperationError } from '@pgfleet/contracts';
import { NoCapacity } from '@pgfleet/machines';
import { Outbox } from '@pgfleet/messaging';
import {
  again,
  done,
  fail,
  next,
  Program,
  runJob,
  wait,
  type OperationContext,
  type Outcome,
  type StepContext,
} from '@pgfleet/operations';
import { DataSource, type EntityManager } from 'typeorm';
import { ClusterRows } from '../clusters/cluster-rows';
import { ClusterStates } from '../clusters/cluster-state';
import { isWhole, type ClusterParts } from '../clusters/cluster-view';
import { connectionOf } from '../clusters/connection';
import { CONFIG, type Config } from '../config';
import { ClusterKeys } from '../etcd/cluster-keys';
import { ClusterMachines } from '../machines/cluster-machines';
import { membersWhole } from '../membership/wholeness';
import { ClusterSecrets } from '../secrets/cluster-secrets';
import { FirstWrite } from '../verification/first-write';
import { platformLogin } from '../verification/platform-login';
import { growingPauseMs, ProvenWrite } from '../verification/proven-write';
import { configureJob, type Restoring } from './configure-job';
import { failOrRunAgain } from './explain-failed-job';
import { StanzaMaking } from './stanza-making';

type Context = StepContext<unknown>;

/** How long a step waits for the effects of the previous step before it reports what is missing. */
const patience = {
  electionMs: 120_000,
  loadBalancerMs: 60_000,
};

/** Creates a cluster that takes a write on the primary port and shows it on the replica port. */
@Injectable()
export class CreateCluster extends Program<unknown> {
  readonly kind: string = 'cluster.create';
  readonly steps: readonly string[] = [
    'reserve',
    'boot_machines',
    'configure_nodes',
    'elect_leader',
    'connect_load_balancer',
    'create_stanza',
    'verify',
  ];

  constructor(
    protected readonly database: DataSource,
    protected readonly rows: ClusterRows,
    private readonly states: ClusterStates,
    private readonly machines: ClusterMachines,
    private readonly keys: ClusterKeys,
    private readonly secrets: ClusterSecrets,
    private readonly firstWrite: FirstWrite,
    private readonly provenWrite: ProvenWrite,
    private readonly stanzaMaking: StanzaMaking,
    private readonly outbox: Outbox,
    @Inject(CONFIG) protected readonly config: Config,
  ) {
    super();
  }

  /** Checks that there is room for the machines, and creates etcd users that can only touch this cluster's keys. */
  async reserve(context: Context): Promise<Outcome> {
    const { cluster } = await this.parts(context);
    const { missing, room } = await this.machines.shortage(cluster);
    if (missing > room)
      return this.noCapacity(`${missing} machines are needed and there is room for ${Math.max(0, room)}`);
    await this.keys.grant(cluster.id, await this.secrets.reveal(cluster.id));
    return next();
  }

  async boot_machines(context: Context): Promise<Outcome> {
    const { cluster } = await this.parts(context);
    try {
      const machines = await this.machines.order(cluster);
      for (const { name } of machines.filter(({ kind }) => kind === 'node'))
        await this.keys.admit(cluster.id, name, await this.secrets.ofNode(cluster.id, name));
      return next().with((tx) => this.machines.record(tx, cluster.id, machines));
    } catch (error) {
      if (error instanceof NoCapacity) return this.noCapacity(error.message);
      throw error;
    }
  }

  async configure_nodes(context: Context): Promise<Outcome> {
    const result = context.signal<JobResult>('job');
    if (!result) {
      const { cluster, machines } = await this.parts(context);
      return runJob(configureJob(cluster, machines, this.config, await this.restoring(context)));
    }
    return result.state === 'succeeded' ? next() : failOrRunAgain(result);
  }

  /** Waits until one member leads and the others stream from it, as the watch on etcd reports. */
  async elect_leader(context: Context): Promise<Outcome> {
    const { cluster, members } = await this.parts(context);
    if (isWhole(cluster, members)) return next();
    if (!context.expired) return wait(membersWhole, patience.electionMs);
    const seen =
      members.map(({ name, state }) => `${name} is ${state}`).join(', ') || 'no member has come up';
    return fail(
      `After ${patience.electionMs / 1000} s the cluster is not whole: ${seen}; ${cluster.leader ?? 'nobody'} leads.`,
      'Look at the journal of patroni on the machines, then retry the operation.',
    );
  }

  async connect_load_balancer(context: Context): Promise<Outcome> {
    const primary = await this.primary(context);
    let seen: string;
    try {
      const { inRecovery } = await this.firstWrite.answers(primary);
      if (!inRecovery) return next();
      seen = 'a replica answers there';
    } catch (error) {
      seen = (error as Error).message;
    }
    const waitedMs = this.waited(context);
    if (waitedMs <= patience.loadBalancerMs) return again(growingPauseMs(waitedMs));
    return fail(
      `The load balancer ${primary.host}:${primary.port} does not lead to the primary: ${seen}`,
      'Look at the journal of haproxy on the load balancer and of pgbouncer on the nodes, then retry the operation.',
    );
  }

  async create_stanza(context: Context): Promise<Outcome> {
    const { cluster } = await this.parts(context);
    return this.stanzaMaking.step(context, cluster);
  }

  async verify(context: Context): Promise<Outcome> {
    const parts = await this.parts(context);
    const unproven = await this.provenWrite.prove(context, parts);
    if (unproven) return unproven;
    return done().with(async (tx) => {
      const current = await this.rows.find(tx, parts.cluster.id, { forUpdate: true });
      const state = isWhole(current, parts.members) ? 'ready' : 'degraded';
      await this.states.change(tx, current, state, 'a first row was written and read', context.operationId);
      const data = { clusterId: current.id, name: current.name, stanza: current.stanza };
      await this.outbox.publish(tx, clusterReady, current.id, data, { correlationId: context.operationId });
    });
  }

  override async onFailed(
    context: OperationContext<unknown>,
    error: OperationError,
    tx: EntityManager,
  ): Promise<void> {
    await this.enter(tx, context, 'failed', `its creation stopped at ${error.step}: ${error.cause}`);
  }

  override async onCancelled(context: OperationContext<unknown>, tx: EntityManager): Promise<void> {
    await this.enter(tx, context, 'failed', `its creation was cancelled at ${context.step}`);
  }

  override async onRetried(context: OperationContext<unknown>, tx: EntityManager): Promise<void> {
    await this.enter(tx, context, 'creating', `its creation goes on from ${context.step}`);
  }

  /** A cluster that starts empty is not restored. */
  protected restoring(_: Context): Promise<Restoring> {
    return Promise.resolve({});
  }

  private async enter(
    tx: EntityManager,
    context: OperationContext<unknown>,
    state: 'failed' | 'creating',
    reason: string,
  ): Promise<void> {
    const cluster = await this.rows.find(tx, this.clusterId(context), { forUpdate: true });
    await this.states.change(tx, cluster, state, reason, context.operationId);
  }

  private noCapacity(what: string): Outcome {
    return fail(
      `The machine provider ${this.machines.providerName} has no capacity: ${what}.`,
      'Free machines or add some to the provider, then retry the operation, or delete the cluster.',
    );
  }

  private waited(context: Context): number {
    return Date.now() - context.stepStartedAt.getTime();
  }

  protected clusterId({ clusterId }: OperationContext<unknown>): string {
    if (!clusterId) throw new Error('a creation without a cluster');
    return clusterId;
  }

  protected parts(context: Context): Promise<ClusterParts> {
    return this.rows.partsOf(this.database.manager, this.clusterId(context));
  }

  private async primary(context: Context) {
    const { cluster, machines } = await this.parts(context);
    const connection = connectionOf(cluster, machines);
    if (!connection) throw new Error('the cluster has no load balancer');
    return platformLogin(connection.primary, await this.secrets.reveal(cluster.id));
  }
}
