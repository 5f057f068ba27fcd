import { Injectable } from '@nestjs/common';
import {
  conflict,
  type FailoverRequest,
  type Idempotency as IdempotencyInput,
  type Operation,
  type PossibleLoss,
} from '@pgfleet/contracts';
import { Idempotency, Operations } from '@pgfleet/operations';
import type { ClusterSight } from '@pgfleet/patroni';
import { DataSource } from 'typeorm';
import { ClusterRows } from '../clusters/cluster-rows';
import { membersView } from '../clusters/cluster-view';
import { ClusterControl } from './cluster-control';
import { chooseSuccessor, electsWithoutLoss, lossOf } from './successor';

/** Failovers that customers request. */
@Injectable()
export class Failovers {
  constructor(
    private readonly database: DataSource,
    private readonly rows: ClusterRows,
    private readonly control: ClusterControl,
    private readonly operations: Operations,
    private readonly idempotency: Idempotency,
  ) {}

  start(clusterId: string, request: FailoverRequest, key: IdempotencyInput): Promise<Operation> {
    return this.idempotency.onceChecked(
      key,
      `failover ${clusterId}`,
      () => this.check(clusterId, request),
      (tx, input) => this.operations.start(tx, { kind: 'cluster.failover', clusterId, input }),
    );
  }

  /**
   * Returns the operation's input. Throws 409 if the cluster needs no failover, or if acknowledged writes may be lost without
   * consent.
   */
  private async check(clusterId: string, { candidate, confirmDataLoss }: FailoverRequest) {
    const parts = await this.rows.partsOf(this.database.manager, clusterId);
    const { cluster } = parts;
    const sight = await this.control.sight(clusterId);
    const refuse = (reason: string, remedy: string, loss?: PossibleLoss) =>
      conflict(`No failover: ${reason}.`, {
        remedy,
        extra: { members: membersView(parts), ...(loss && { possibleLoss: loss }) },
      });
    if (cluster.state !== 'ready' && cluster.state !== 'degraded')
      throw refuse(`the cluster is ${cluster.state}`, 'Wait until its creation has ended.');
    const leader = sight.leader ?? cluster.lastLeader;
    if (sight.leader && isWell(sight, sight.leader))
      throw refuse(
        `${sight.leader} leads and is well`,
        'Ask for a switchover: it loses nothing and ends no session.',
      );
    const choice = chooseSuccessor(sight, leader, cluster.durability, candidate);
    if ('refusal' in choice)
      throw refuse(choice.refusal, 'Bring a replica back, then ask again; or restore from a backup.');
    const isElected =
      candidate === undefined && !confirmDataLoss && electsWithoutLoss(sight, leader, cluster.durability);
    const loss = isElected ? { bytes: 0, sure: true } : lossOf(sight, choice.candidate, cluster.durability);
    if (!loss.sure && !confirmDataLoss)
      throw refuse(
        `acknowledged writes may be lost: ${choice.candidate} is at least ${loss.bytes} bytes behind what was last seen of ${leader ?? 'the leader'}, which may have written more`,
        'If that is acceptable, ask again with confirmDataLoss: true.',
        loss,
      );
    return { leader, candidate: isElected ? null : choice.candidate, automatic: false };
  }
}

/** Whether the leader's Patroni reports that it runs, its agent that it takes writes, and no member misses it. */
const isWell = ({ members, nodes }: ClusterSight, leader: string): boolean =>
  members.get(leader)?.state === 'running' &&
  nodes.get(leader)?.writable != null &&
  ![...nodes.values()].some(({ lost }) => lost?.leader === leader);
