import { Injectable } from '@nestjs/common';
import type { OperationError } from '@pgfleet/contracts';
import { NotOff } from '@pgfleet/machines';
import {
  done,
  fail,
  next,
  Operations,
  Program,
  type OperationContext,
  type Outcome,
  type StepContext,
} from '@pgfleet/operations';
import type { ClusterSight } from '@pgfleet/patroni';
import { DataSource, type EntityManager } from 'typeorm';
import { ClusterRows } from '../clusters/cluster-rows';
import { ClusterControl } from '../failover/cluster-control';
import { failoverProfile } from '../failover/failover-profile';
import { LeadershipIntents } from '../failover/leadership-intents';
import { agreeThatLost } from '../failover/successor';
import { ClusterMachines } from '../machines/cluster-machines';
import { ReleaseMachine } from './release-machine.program';

export interface FailoverInput {
  leader: string | null;
  /** null for whichever member Patroni finds fittest. */
  candidate: string | null;
  /** Started by the platform, which continues only with proof that the leader is off. */
  automatic: boolean;
}
type Context = StepContext<FailoverInput>;

/**
 * Replaces a leader that cannot hand over. A leader that is proven to be off is fenced and its lease revoked, so the others elect
 * at once. Otherwise the program asks Patroni to change the leader, within Patroni's own rules. docs/decisions/0007 has the proof
 * of safety.
 */
@Injectable()
export class Failover extends Program<FailoverInput> {
  readonly kind = 'cluster.failover';
  readonly steps = ['fence', 'depose', 'promote', 'release'] as const;

  constructor(
    private readonly database: DataSource,
    private readonly rows: ClusterRows,
    private readonly control: ClusterControl,
    private readonly machines: ClusterMachines,
    private readonly intents: LeadershipIntents,
    private readonly operations: Operations,
  ) {
    super();
  }

  /** If the provider sees the leader's machine off, it stays off until another member leads. */
  async fence(context: Context): Promise<Outcome> {
    const { leader, automatic } = context.input;
    const sight = await this.control.sight(clusterOf(context));
    let fenced = false;
    if (leader !== null && sight.leader === leader && agreeThatLost(sight, leader)) {
      try {
        await this.machines.fence(leader);
        fenced = true;
      } catch (error) {
        if (!(error instanceof NotOff)) throw error;
        await context.note(`Not fenced: ${error.message}`);
      }
    }
    if (!fenced && leader !== null) await this.machines.release(leader); // an earlier attempt may have fenced it
    if (automatic && !fenced)
      return fail(
        `${leader} is not proven to be lost: ${sight.leader ?? 'nobody'} leads, and not every other member misses it, or its machine is not off.`,
        'Nothing was done. Patroni replaces a leader whose lease runs out by itself.',
      );
    if (fenced) await context.note(`The machine ${leader} is off and stays off.`);
    const cause = fenced
      ? `the machine ${leader} is off, as its provider proves`
      : 'a failover was asked for';
    return next({ fenced }).with((tx) =>
      this.intents.declare(tx, clusterOf(context), {
        origin: fenced ? 'fenced' : 'forced',
        operationId: context.operationId,
        cause,
      }),
    );
  }

  async depose(context: Context): Promise<Outcome> {
    const { leader, candidate } = context.input;
    const clusterId = clusterOf(context);
    if (candidate !== null && (await this.control.sight(clusterId)).leader !== candidate)
      await this.control.orderFailover(clusterId, candidate);
    if (leader !== null && isFenced(context)) await this.control.depose(clusterId, leader);
    return next();
  }

  /** Waits until another member takes writes. */
  async promote(context: Context): Promise<Outcome> {
    const { cluster } = await this.rows.partsOf(this.database.manager, clusterOf(context));
    const withinMs = failoverProfile(cluster.profile).bounds.leaderLossSeconds * 1000 + 10_000;
    let last: ClusterSight | undefined;
    const look = (sight: ClusterSight) => {
      last = sight;
      const { leader } = sight;
      return leader !== null && leader !== context.input.leader && sight.nodes.get(leader)?.writable
        ? leader
        : undefined;
    };
    const leader = await this.control.watch(cluster.id, look, { withinMs, signal: context.abort });
    if (leader !== undefined) {
      await context.note(`${leader} takes writes.`);
      return next({ leader });
    }
    // Leave nothing behind: neither an order that Patroni would follow at the next election, nor a machine that cannot be
    // started.
    if (context.input.candidate !== null) await this.control.withdrawFailover(cluster.id);
    if (context.input.leader !== null && isFenced(context)) await this.machines.release(context.input.leader);
    const states = [...(last?.members ?? [])].map(([name, { state }]) => `${name} is ${state}`).join(', ');
    return fail(
      `No other member took the lead within ${withinMs / 1000} s: ${last?.leader ?? 'nobody'} leads, ${states}.`,
      'Look at the journal of patroni on the members that run; with synchronous replication only a synchronous one may lead.',
    );
  }

  /** The old leader's machine may start again: it finds that another member leads. */
  async release(context: Context): Promise<Outcome> {
    const { leader } = context.input;
    if (leader !== null && isFenced(context)) await this.machines.release(leader);
    return done(context.results.promote);
  }

  override onFailed(
    context: OperationContext<FailoverInput>,
    _: OperationError,
    tx: EntityManager,
  ): Promise<void> {
    return this.leaveNothing(context, tx);
  }

  override onCancelled(context: OperationContext<FailoverInput>, tx: EntityManager): Promise<void> {
    return this.leaveNothing(context, tx);
  }

  /**
   * A fence must not outlive its purpose, wherever the program ends. Releasing a machine that is not fenced changes nothing. The
   * provider may be slow, so a separate operation calls it: the locks of this transaction block the membership of every cluster.
   */
  private async leaveNothing(context: OperationContext<FailoverInput>, tx: EntityManager): Promise<void> {
    await this.intents.withdraw(tx, clusterOf(context), context.operationId);
    const { leader: machine } = context.input;
    if (machine !== null)
      await ReleaseMachine.after(this.operations, tx, { machine, clusterId: clusterOf(context) });
  }
}

const clusterOf = ({ clusterId }: OperationContext<FailoverInput>): string => {
  if (!clusterId) throw new Error('a failover without a cluster');
  return clusterId;
};

const isFenced = ({ results }: OperationContext<FailoverInput>): boolean =>
  (results.fence as { fenced: boolean }).fenced;
