import { Injectable } from '@nestjs/common';
import type { OperationError } from '@pgfleet/contracts';
import {
  again,
  done,
  fail,
  goto,
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
import { blockersData, describeBlockers, identityOf, type Blockers } from '../failover/blockers';
import { chooseCandidate } from '../failover/candidate';
import { ClusterControl } from '../failover/cluster-control';
import { LeadershipIntents } from '../failover/leadership-intents';

export interface SwitchoverInput {
  candidate: string | null;
  /** Missing in operations that were scheduled before this option existed. */
  maxWaitSeconds?: number;
  onBlockers?: 'fail' | 'terminate';
}
interface Plan {
  leader: string;
  candidate: string;
  timeline: number | null;
  /** Until then it keeps waiting, also for transactions that began while it prepared. Missing in older plans. */
  waitsUntil?: string;
}
type Input = SwitchoverInput;
type Context = StepContext<Input>;
type Hold = NonNullable<NodeReport['hold']>;

const limits = {
  maxWaitSeconds: 30,
  /** For the leader's node to report the blockers; an older agent never does. */
  blockersMs: 10_000,
  /** How many times statements may be held because of transactions that began after the wait. */
  holds: 5,
  /** The order lasts for half a minute. */
  askAgainMs: 15_000,
  /** For every node to report that it prepares. By then the order is gone from etcd: an agent that has not seen it never will. */
  takeOrderMs: 30_000,
  /** A checkpoint of a busy database may have gigabytes to write. */
  prepareMs: 300_000,
  /**
   * The longest time that statements wait, whatever happens: the nodes enforce it themselves. A switchover takes a second or two.
   */
  capMs: 8_000,
  /** How long transactions that run when the hold begins may take to end. Otherwise the attempt ends without effect. */
  drainMs: 700,
  /** For the new leader to be seen writing after the order. After the cap nothing is held any more. */
  switchMs: 30_000,
  followMs: 120_000,
};

/**
 * Hands the lead to another member without cutting anybody off: the poolers hold statements, Patroni changes the leader, and the
 * poolers send the statements to the new one. docs/decisions/0006.
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

  /** Checks that the cluster is whole and the candidate fit, and announces the coming change as planned. */
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
      waitsUntil: new Date(Date.now() + maxWaitMs(context)).toISOString(),
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

  /**
   * Waits for transactions that are too long to wait for while statements are held. Then the leader runs a checkpoint. The other
   * nodes ask the archive in advance, so that they do not have to while statements wait.
   */
  async prepare(context: Context): Promise<Outcome> {
    const { leader, candidate } = planOf(context);
    const blockers = await this.waitForBlockers(context);
    if (blockers && context.input.onBlockers !== 'terminate') return blocked(leader, blockers);
    const id = tryOf(context);
    await this.order(context, id, 'prepare', []);
    const ordered = Date.now();
    const sight = await this.until(context, limits.prepareMs, ({ members, nodes }) => {
      // A member's key is gone while its machine starts. Without the leader and the candidate there is no switchover.
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
    const isLast = context.attempt >= limits.holds || Date.now() >= waitsUntil(context).getTime();
    return next({ terminate: context.input.onBlockers === 'terminate' && isLast });
  }

  /**
   * Returns null once no transaction blocks any more, otherwise those that still block when the time is over. Nothing is held
   * meanwhile.
   */
  private async waitForBlockers(context: Context): Promise<Blockers | null> {
    const { leader } = planOf(context);
    const clusterId = clusterOf(context);
    const id = `${context.key}/blockers/${context.attempt}`;
    const began = Date.now();
    const until = waitsUntil(context);
    let seen: Blockers | null = null;
    try {
      for (;;) {
        await this.control.askForBlockers(clusterId, { id, leader, olderThanMs: limits.drainMs });
        const known: Blockers | null = seen;
        const patience: number = known ? until.getTime() - Date.now() : limits.blockersMs;
        const changed: Blockers | undefined = await this.control.watch(
          clusterId,
          ({ nodes }) => {
            const said = nodes.get(leader)?.blockers;
            if (said?.id !== id) return undefined;
            return known && said.total > 0 && identityOf(said) === identityOf(known) ? undefined : said;
          },
          { withinMs: Math.max(0, Math.min(limits.askAgainMs, patience)), signal: context.abort },
        );
        if (changed) {
          seen = changed;
          const waits = changed.total > 0 && Date.now() < until.getTime();
          if (known || changed.total > 0)
            await context.show(blockersData(leader, changed, waits ? until : null));
          if (changed.total === 0) return null;
          if (waits)
            await context.note(
              `Waiting until ${until.toISOString()} for ${describeBlockers(leader, changed)}.`,
            );
        }
        if (!seen && Date.now() - began >= limits.blockersMs) return null;
        if (seen && Date.now() >= until.getTime()) {
          await context.show(blockersData(leader, seen, null));
          return seen;
        }
      }
    } finally {
      await this.control.stopAskingForBlockers(clusterId);
    }
  }

  /**
   * Holds statements, changes the leader, lets them continue. When it runs again after a crash, it finds the leader changed, or
   * starts anew with nothing held: the nodes end a hold by themselves.
   */
  async switch(context: Context): Promise<Outcome> {
    const { leader, candidate } = planOf(context);
    const id = tryOf(context);
    const before = await this.control.sight(clusterOf(context));
    if (before.leader === leader) {
      const { terminate } = (context.results.prepare ?? {}) as { terminate?: boolean };
      try {
        await this.order(context, id, 'hold', [...before.members.keys()], terminate);
        const sight = await this.until(context, limits.switchMs, ({ leader: leads, nodes }) => {
          const node = nodes.get(leader);
          if (leads === leader && isOver(node?.hold, id) && node?.hold?.reason) {
            if (node.blockers?.id === id && node.blockers.total > 0 && !node.blockers.terminated) return true;
            throw new Error(`The lead was not handed over: ${node.hold.reason}.`);
          }
          return leads === candidate && nodes.get(candidate)?.writable != null;
        });
        const blockers = sight.nodes.get(leader)?.blockers;
        if (blockers?.id === id && blockers.total > 0) {
          await context.show(blockersData(leader, blockers, null));
          if (sight.leader === leader) return await this.blockedInHold(context, blockers, terminate);
          await context.note(`Terminated: ${describeBlockers(leader, blockers)}.`);
        }
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

  /** A transaction that began after the wait: waits for it as well, while there is time. */
  private async blockedInHold(
    context: Context,
    blockers: Blockers,
    terminate: boolean | undefined,
  ): Promise<Outcome> {
    const { leader, waitsUntil } = planOf(context);
    const hasTime =
      waitsUntil !== undefined && Date.now() < Date.parse(waitsUntil) && context.attempt < limits.holds;
    if (!hasTime && (terminate || context.input.onBlockers !== 'terminate')) return blocked(leader, blockers);
    await context.note(`Statements were held in vain: ${describeBlockers(leader, blockers)}.`);
    return goto('prepare');
  }

  /** Waits until the old leader follows the new one. */
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
    terminate = false,
  ): Promise<void> {
    const { leader, candidate } = planOf(context);
    const { capMs, drainMs } = limits;
    const order = { id, phase, leader, candidate, nodes, capMs, drainMs };
    return this.control.order(clusterOf(context), { ...order, ...(terminate && { terminate }) });
  }

  /** Looks at the quorum after every change, until `holds` is true. */
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

const maxWaitMs = ({ input }: OperationContext<Input>): number =>
  (input.maxWaitSeconds ?? limits.maxWaitSeconds) * 1000;

/** The plan's deadline, or a new one for an operation that is retried later. */
const waitsUntil = (context: Context): Date => {
  const planned = planOf(context).waitsUntil;
  return planned !== undefined && context.stepStartedAt.getTime() <= Date.parse(planned)
    ? new Date(planned)
    : new Date(context.stepStartedAt.getTime() + maxWaitMs(context));
};

const blocked = (leader: string, blockers: Blockers): Outcome =>
  fail(
    `Open transactions block the switchover. ${describeBlockers(leader, blockers)}.`,
    'End these transactions, then retry the operation; or ask for a switchover that waits longer (maxWaitSeconds) or terminates them (onBlockers).',
  );

/** The id of an attempt. A node answers each id once, and running the step again is another attempt. */
const tryOf = ({ key, attempt }: OperationContext<Input>): string => `${key}/${attempt}`;

const isOver = (hold: Hold | null | undefined, id: string): boolean =>
  hold?.id === id && (hold.state === 'released' || hold.state === 'refused');
