import { Injectable } from '@nestjs/common';
import { clusterMemberReplaced, type JobResult, type OperationError } from '@pgfleet/contracts';
import { NoCapacity } from '@pgfleet/machines';
import { Outbox } from '@pgfleet/messaging';
import {
  again,
  done,
  fail,
  goto,
  next,
  Outcome,
  Program,
  runJob,
  type OperationContext,
  type StepContext,
} from '@pgfleet/operations';
import { DataSource, type EntityManager } from 'typeorm';
import { ClusterRows } from '../clusters/cluster-rows';
import type { ClusterParts } from '../clusters/cluster-view';
import { ClusterKeys, nodeSecret, nodeUser } from '../etcd/cluster-keys';
import { ClusterControl } from '../failover/cluster-control';
import { planReplacement, type Replacement } from '../failover/replacement';
import { ClusterMachines } from '../machines/cluster-machines';
import { ReachableMachines } from '../machines/reachable-machines';
import { ClusterEntity, MachineEntity, SecretEntity } from '../persistence/cluster.entity';
import { NodeReportEntity } from '../persistence/leadership.entity';
import { ClusterSecrets } from '../secrets/cluster-secrets';
import { MachineConfiguration } from './machine-configuration';
import { Switchover, type SwitchoverInput } from './switchover.program';

interface Input {
  member: string;
}
type Context = StepContext<Input>;

const limits = {
  /** Until the new node's Patroni appears in etcd. */
  appearMs: 300_000,
  /** For copying the data, however large: anyone who does not want to wait can cancel. */
  copyMs: 24 * 3_600_000,
  /** For Patroni to wait for a standby other than the leaving one: two of its longest rounds, plus a margin. */
  standbyMs: 60_000,
  /** For the leader's Patroni to drop the slot. */
  slotMs: 60_000,
};

/** The services that make a node part of a cluster. */
const services = [
  'patroni.service',
  'pgfleet-follow-leader.service',
  'pgbouncer.service',
  'pgbouncer-local.service',
  'pgfleet-backup-server.service',
];

/**
 * Replaces a member, whose machine is lost for good or is leaving, with a new machine. The old machine is given back only when
 * the new one streams. If it ever comes back, neither etcd nor the other nodes let it in. docs/decisions/0013.
 */
@Injectable()
export class ReplaceMember extends Program<Input> {
  readonly kind = 'cluster.replace_member';
  readonly steps: readonly string[];

  constructor(
    private readonly database: DataSource,
    private readonly rows: ClusterRows,
    private readonly control: ClusterControl,
    private readonly machines: ClusterMachines,
    private readonly reachable: ReachableMachines,
    private readonly keys: ClusterKeys,
    private readonly secrets: ClusterSecrets,
    private readonly configuration: MachineConfiguration,
    private readonly switchover: Switchover,
    private readonly outbox: Outbox,
  ) {
    super();
    const handOver = switchover.steps;
    const own = [
      'order_machine',
      'admit',
      'stream',
      'stop_member',
      'give_back',
      'forget',
      'shut_out',
      'finish',
    ];
    this.steps = ['plan', ...handOver, ...own];
    // A member that leads hands over first, with the unchanged steps of a planned switchover.
    for (const step of handOver)
      Object.assign(this, { [step]: (context: Context) => this.handOver(step, context) });
  }

  /** Decides which machine replaces the member, and whether the member hands over first. */
  async plan(context: Context): Promise<Outcome> {
    const parts = await this.parts(context);
    const plan = planReplacement(parts, await this.control.sight(parts.cluster.id), context.input.member);
    if ('refusal' in plan) return fail(`No replacement: ${plan.refusal}.`, plan.remedy);
    await context.note(
      `${plan.by} takes the place of ${plan.member}${plan.leads ? ', which hands over first' : ''}.`,
    );
    return plan.leads ? next(plan) : goto('order_machine', plan);
  }

  async order_machine(context: Context): Promise<Outcome> {
    const { cluster } = await this.parts(context);
    const { by, member } = planOf(context);
    try {
      const machine = await this.machines.orderNode(cluster.id, by);
      await this.keys.admit(cluster.id, by, await this.secrets.ofNode(cluster.id, by));
      const etcdUser = nodeUser(cluster.id, by);
      return next().with(async (tx) => {
        const row = { ...machine, clusterId: cluster.id, etcdUser, replaces: member };
        await tx.upsert(MachineEntity, row, ['name']);
        await tx.update(ClusterEntity, { id: cluster.id }, { lastNode: numberOf(by) });
      });
    } catch (error) {
      if (!(error instanceof NoCapacity)) throw error;
      return fail(
        `The machine provider ${this.machines.providerName} has no capacity: ${error.message}.`,
        'Free machines or add some to the provider, then retry the operation.',
      );
    }
  }

  /**
   * Configures the new node and makes the others accept it. A leaving member that is still alive no longer counts as a standby.
   */
  async admit(context: Context): Promise<Outcome> {
    const { cluster, machines } = await this.parts(context);
    const { by, member } = planOf(context);
    const isAlive = await this.isAlive(context);
    await this.secrets.complete(cluster.id);
    return this.configuration.step(context, {
      ...{ cluster, machines, needed: [by] },
      only: machines.map(({ name }) => name).filter((name) => name !== member || isAlive),
      leaving: [member],
    });
  }

  /**
   * Waits until the new node has the data and streams. Where commits wait for a standby, it must be another one than the leaving
   * member.
   */
  async stream(context: Context): Promise<Outcome> {
    const { cluster } = await this.parts(context);
    const { by, member } = planOf(context);
    const { members, leader, syncStandbys } = await this.control.sight(cluster.id);
    const waitedMs = Date.now() - context.stepStartedAt.getTime();
    const state = members.get(by)?.state;
    if (state !== 'streaming') {
      const look = `Look at the journal of patroni on ${by}, then retry the operation.`;
      if (state === undefined && waitedMs > limits.appearMs)
        return fail(`Patroni on ${by} has not registered within ${limits.appearMs / 1000} s.`, look);
      if (waitedMs > limits.copyMs)
        return fail(`${by} does not stream after ${limits.copyMs / 3_600_000} h: it is ${state}.`, look);
      return again(1_000);
    }
    const others = syncStandbys.filter((name) => name !== member && name !== leader);
    const isReady = cluster.durability === 'async' || (others.length > 0 && !syncStandbys.includes(member));
    if (!isReady && waitedMs < limits.standbyMs) return again(500);
    if (!isReady && others.length === 0 && cluster.durability !== 'async')
      return fail(
        `${by} streams, but no replica other than ${member} is synchronous.`,
        'Look at the journal of patroni on the leader, then retry the operation.',
      );
    await context.note(`${by} streams.`);
    return next();
  }

  /** Stops a machine that still answers first: giving it back may not switch it off. */
  async stop_member(context: Context): Promise<Outcome> {
    const { member } = planOf(context);
    const result = context.signal<JobResult>('job');
    if (result || context.expired) {
      // Its etcd user is removed in any case, so it cannot come back into the cluster.
      if (result?.state !== 'succeeded')
        await context.note(`The services of ${member} could not be stopped.`);
      return next();
    }
    const { machines, cluster } = await this.parts(context);
    const { leader } = await this.control.sight(cluster.id);
    if (leader === member)
      return fail(
        `${member} has taken the lead meanwhile.`,
        'Ask for a switchover, or wait for another leader, then retry the operation.',
      );
    const machine = machines.find(({ name }) => name === member);
    if (!machine || (await this.reachable.of([machine])).length === 0) return next();
    const { address, hostKey } = machine;
    return runJob({
      kind: 'command',
      host: { name: member, address, hostKey, user: 'root' },
      runAs: 'root',
      argv: ['systemctl', 'disable', '--now', ...services],
      deadlineSeconds: 120,
    });
  }

  async give_back(context: Context): Promise<Outcome> {
    await this.machines.removeNode(planOf(context).member);
    return next();
  }

  /** Removes its etcd user, its keys and its replication slots. */
  async forget(context: Context): Promise<Outcome> {
    const { cluster, machines } = await this.parts(context);
    const { member } = planOf(context);
    const etcdUser = machines.find(({ name }) => name === member)?.etcdUser ?? null;
    await this.keys.expel(cluster.id, { name: member, etcdUser });
    const isGone = await this.control.dropSlot(cluster.id, member, {
      withinMs: limits.slotMs,
      signal: context.abort,
    });
    if (!isGone)
      await context.note(`The slot of ${member} is still there: Patroni drops it within half an hour.`);
    return next();
  }

  /** Makes the other nodes refuse it: in pg_hba.conf and pgBackRest's server. */
  async shut_out(context: Context): Promise<Outcome> {
    const { cluster, machines } = await this.parts(context);
    const { member } = planOf(context);
    return this.configuration.step(context, {
      cluster,
      machines: machines.filter(({ name }) => name !== member),
    });
  }

  async finish(context: Context): Promise<Outcome> {
    const { cluster } = await this.parts(context);
    const { member, by } = planOf(context);
    const { id: clusterId, name } = cluster;
    return done(planOf(context)).with(async (tx) => {
      await tx.delete(MachineEntity, { name: member });
      await tx.update(MachineEntity, { name: by }, { replaces: null });
      await tx.delete(NodeReportEntity, { clusterId, member });
      await tx.delete(SecretEntity, { clusterId, name: nodeSecret(member) });
      // What a restore had set aside on that machine is gone with it.
      if (cluster.setAside?.node === member)
        await tx.update(ClusterEntity, { id: clusterId }, { setAside: null });
      const data = { clusterId, name, from: member, to: by };
      await this.outbox.publish(tx, clusterMemberReplaced, clusterId, data, {
        correlationId: context.operationId,
      });
    });
  }

  override async onFailed(
    context: OperationContext<Input>,
    error: OperationError,
    tx: EntityManager,
  ): Promise<void> {
    await this.switchover.onFailed(asSwitchover(context), error, tx);
  }

  override async onCancelled(context: OperationContext<Input>, tx: EntityManager): Promise<void> {
    await this.switchover.onCancelled(asSwitchover(context), tx);
  }

  private async handOver(step: (typeof this.switchover.steps)[number], context: Context): Promise<Outcome> {
    const { move, effects } = await this.switchover[step](asSwitchover(context));
    return move.kind === 'done'
      ? new Outcome({ kind: 'next', result: move.result }, effects)
      : new Outcome(move, effects);
  }

  /** Patroni keeps a key in etcd for as long as it runs. */
  private async isAlive(context: Context): Promise<boolean> {
    const { cluster } = await this.parts(context);
    return (await this.control.sight(cluster.id)).members.has(planOf(context).member);
  }

  private parts({ clusterId }: Context): Promise<ClusterParts> {
    if (!clusterId) throw new Error('a replacement without a cluster');
    return this.rows.partsOf(this.database.manager, clusterId);
  }
}

const planOf = ({ results }: Context): Replacement => results.plan as Replacement;

const numberOf = (machine: string): number => Number(machine.slice(machine.lastIndexOf('-') + 1));

/** The same operation with the input of a switchover to the fittest replica. */
function asSwitchover<Of extends OperationContext<Input>>(
  context: Of,
): Omit<Of, 'input'> & { input: SwitchoverInput } {
  return { ...context, input: { candidate: null } };
}
