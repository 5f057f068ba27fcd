import { Injectable } from '@nestjs/common';
import type { OperationError } from '@pgfleet/contracts';
import {
  again,
  done,
  fail,
  next,
  Program,
  type OperationContext,
  type Outcome,
  type StepContext,
} from '@pgfleet/operations';
import type { ClusterSight, NodeReport, PlannedSwitchover } from '@pgfleet/patroni';
import { DataSource, type EntityManager } from 'typeorm';
import { ClusterRows } from '../clusters/cluster-rows';
import { isWhole } from '../clusters/cluster-view';
import { chooseCandidate } from '../failover/candidate';
import { ClusterControl } from '../failover/cluster-control';
import { LeadershipIntents } from '../failover/leadership-intents';

interface Input {
  candidate: string | null;
}
interface Plan {
  leader: string;
  candidate: string;
  timeline: number | null;
}
type Context = StepContext<Input>;
type Hold = NonNullable<NodeReport['hold']>;

const limits = {
  /** For every node to say that it prepares. The order is gone from etcd by then: an agent that has not seen it never will. */
  takeOrderMs: 30_000,
  /** A checkpoint of a busy database may have gigabytes to write. */
  prepareMs: 300_000,
  /** Statements wait no longer than this, whatever happens: the nodes see to it themselves. A switchover takes a second or two. */
  capMs: 8_000,
  /** Transactions that run when statements begin to be held may take so long to end; else the try ends, without effect. */
  drainMs: 700,
  /** For the new leader to be seen writing after the word was given; past the cap no one is held any more. */
  switchMs: 30_000,
  followMs: 120_000,
};

/**
 * Hands the lead to another member so that nobody is cut off: the poolers hold statements, Patroni changes the leader, the poolers send
 * the statements on to the new one. docs/decisions/0006.
 */
@Injectable()
export class Switchover extends Program<Input> {
  readonly kind = 'cluster.switchover';
  readonly steps = ['check', 'prepare', 'switch', 'follow'] as const;

  constructor(
    private readonly database: DataSource,
    private readonly rows: ClusterRows,
    private readonly control: ClusterControl,
    private readonly intents: LeadershipIntents,
  ) {
    super();
  }

  /** The cluster is whole and the candidate fit; what follows is announced as planned. */
  async check(context: Context): Promise<Outcome> {
    const { cluster, members } = await this.rows.partsOf(this.database.manager, clusterOf(context));
    const sight = await this.control.sight(cluster.id);
    const remedy =
      'Wait until the cluster is ready again, or choose another candidate, then retry the operation.';
    if (!sight.leader || !isWhole(cluster, members)) {
      const states = members.map(({ name, state }) => `${name} is ${state}`).join(', ');
      return fail(`The cluster is not whole: ${sight.leader ?? 'nobody'} leads, ${states}.`, remedy);
    }
    const choice = chooseCandidate(sight, cluster.durability, context.input.candidate ?? undefined);
    if ('refusal' in choice) return fail(`No switchover: ${choice.refusal}.`, remedy);
    const plan: Plan = {
      leader: sight.leader,
      candidate: choice.candidate,
      timeline: sight.members.get(sight.leader)?.timeline ?? null,
    };
    await context.note(`From ${plan.leader} to ${plan.candidate}.`);
    return next(plan).with((tx) =>
      this.intents.declare(tx, cluster.id, {
        origin: 'switchover',
        operationId: context.operationId,
        cause: `a switchover to ${plan.candidate} was asked for`,
      }),
    );
  }

  /** A checkpoint on the leader, and the others ask the archive what they would else ask while statements wait. */
  async prepare(context: Context): Promise<Outcome> {
    const { leader, candidate } = planOf(context);
    const id = tryOf(context);
    await this.order(context, id, 'prepare', []);
    const ordered = Date.now();
    const sight = await this.until(context, limits.prepareMs, ({ members, nodes }) => {
      // A member's key is gone while its machine starts; without these two there is no switchover.
      const names = [...new Set([leader, candidate, ...members.keys()])];
      const silent = names.filter((name) => nodes.get(name)?.hold?.id !== id);
      if (silent.length > 0 && Date.now() - ordered > limits.takeOrderMs)
        throw new Error(
          `${silent.join(', ')} did not begin to prepare within ${limits.takeOrderMs / 1000} s: the agent (pgfleet-follow-leader) does not run there, or does not reach etcd.`,
        );
      return silent.length === 0 && names.every((name) => nodes.get(name)?.hold?.state !== 'preparing');
    });
    const reasons = [leader, candidate].flatMap((name) => {
      const reason = sight.nodes.get(name)?.hold?.reason;
      return reason ? [`${name}: ${reason}`] : [];
    });
    if (reasons.length > 0) throw new Error(reasons.join('; '));
    return next();
  }

  /**
   * Hold, switch, go on. Done again after a crash it finds the lead changed, or begins anew with statements that flow: the nodes end a
   * hold by themselves.
   */
  async switch(context: Context): Promise<Outcome> {
    const { leader, candidate } = planOf(context);
    const id = tryOf(context);
    const before = await this.control.sight(clusterOf(context));
    if (before.leader === leader) {
      try {
        await this.order(context, id, 'hold', [...before.members.keys()]);
        await this.until(context, limits.switchMs, (sight) => {
          const over = sight.nodes.get(leader)?.hold;
          if (sight.leader === leader && isOver(over, id) && over?.reason)
            throw new Error(`The lead was not handed over: ${over.reason}.`);
          return sight.leader === candidate && sight.nodes.get(candidate)?.writable != null;
        });
      } finally {
        await this.control.withdraw(clusterOf(context));
      }
    } else if (before.leader !== candidate) {
      return fail(
        `${before.leader ?? 'Nobody'} leads now, neither ${leader} nor ${candidate}: the leader was lost meanwhile.`,
        'Nothing is to be done for the cluster; ask for another switchover when it is ready.',
      );
    }
    const { nodes } = await this.until(context, limits.capMs + 1000, (sight) =>
      [...sight.nodes.values()].every(({ hold }) => hold?.state !== 'held'),
    );
    const stallMs = Math.max(
      0,
      ...[...nodes.values()].map(({ hold }) => (hold?.id.startsWith(`${context.key}/`) ? hold.ms : 0)),
    );
    await context.note(`${candidate} takes writes; statements were held for ${stallMs} ms.`);
    return next({ stallMs });
  }

  /** The old leader follows the new one. */
  async follow(context: Context): Promise<Outcome> {
    const { cluster, members } = await this.rows.partsOf(this.database.manager, clusterOf(context));
    const { leader, candidate } = planOf(context);
    if (cluster.leader === candidate && isWhole(cluster, members)) return done(context.results.switch);
    if (Date.now() - context.stepStartedAt.getTime() < limits.followMs) return again(250);
    return fail(
      `${candidate} leads, but the cluster is not whole after ${limits.followMs / 1000} s: ${members.map(({ name, state }) => `${name} is ${state}`).join(', ')}.`,
      `Look at the journal of patroni on ${leader}; the cluster serves meanwhile.`,
    );
  }

  override onFailed(context: OperationContext<Input>, _: OperationError, tx: EntityManager): Promise<void> {
    return this.intents.withdraw(tx, clusterOf(context), context.operationId);
  }

  override onCancelled(context: OperationContext<Input>, tx: EntityManager): Promise<void> {
    return this.intents.withdraw(tx, clusterOf(context), context.operationId);
  }

  private order(
    context: Context,
    id: string,
    phase: PlannedSwitchover['phase'],
    nodes: string[],
  ): Promise<void> {
    const { leader, candidate } = planOf(context);
    const { capMs, drainMs } = limits;
    return this.control.order(clusterOf(context), { id, phase, leader, candidate, nodes, capMs, drainMs });
  }

  /** Looks at the quorum after every change, until it holds. */
  private async until(
    context: Context,
    withinMs: number,
    holds: (sight: ClusterSight) => boolean,
  ): Promise<ClusterSight> {
    let last: ClusterSight | undefined;
    const look = (sight: ClusterSight) => (holds((last = sight)) ? sight : undefined);
    const found = await this.control.watch(clusterOf(context), look, { withinMs, signal: context.abort });
    if (found) return found;
    const seen = [...(last?.nodes ?? [])].map(
      ([name, { hold }]) => `${name} ${hold ? `${hold.state} (${hold.reason ?? hold.id})` : 'says nothing'}`,
    );
    throw new Error(
      `Not within ${withinMs / 1000} s: ${last?.leader ?? 'nobody'} leads; ${seen.join(', ')}.`,
    );
  }
}

const clusterOf = ({ clusterId }: OperationContext<Input>): string => {
  if (!clusterId) throw new Error('a switchover without a cluster');
  return clusterId;
};

const planOf = ({ results }: OperationContext<Input>): Plan => results.check as Plan;

/** A node answers a try once; a step that is done again is another try. */
const tryOf = ({ key, attempt }: OperationContext<Input>): string => `${key}/${attempt}`;

const isOver = (hold: Hold | null | undefined, id: string): boolean =>
  hold?.id === id && (hold.state === 'released' || hold.state === 'refused');
