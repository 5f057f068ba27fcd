import { Injectable } from '@nestjs/common';
import {
  conflict,
  invalidInput,
  type Idempotency as IdempotencyInput,
  type Operation,
  type ProblemError,
  type SwitchoverRequest,
} from '@pgfleet/contracts';
import { Idempotency, Operations } from '@pgfleet/operations';
import { DataSource } from 'typeorm';
import { ClusterRows } from '../clusters/cluster-rows';
import { membersView, type ClusterParts } from '../clusters/cluster-view';
import { chooseCandidate } from './candidate';
import { ClusterControl } from './cluster-control';

/** Switchovers that customers request. */
@Injectable()
export class Switchovers {
  constructor(
    private readonly database: DataSource,
    private readonly rows: ClusterRows,
    private readonly control: ClusterControl,
    private readonly operations: Operations,
    private readonly idempotency: Idempotency,
  ) {}

  /** Refused at once if it could not run now. A scheduled switchover is checked when it starts. */
  async start(
    clusterId: string,
    { candidate, at, maxWaitSeconds, onBlockers }: SwitchoverRequest,
    key: IdempotencyInput,
  ): Promise<Operation> {
    const notBefore = at === undefined ? undefined : new Date(at);
    return this.idempotency.onceChecked(
      key,
      `switchover ${clusterId}`,
      () => this.check(clusterId, candidate, notBefore),
      (tx) =>
        this.operations.start(tx, {
          kind: 'cluster.switchover',
          clusterId,
          input: { candidate: candidate ?? null, maxWaitSeconds, onBlockers },
          ...(notBefore && { notBefore }),
        }),
    );
  }

  private async check(
    clusterId: string,
    candidate: string | undefined,
    notBefore: Date | undefined,
  ): Promise<void> {
    const parts = await this.rows.partsOf(this.database.manager, clusterId);
    if (notBefore && notBefore.getTime() < Date.now() - 60_000)
      throw invalidInput(`${notBefore.toISOString()} is in the past.`, {
        errors: [{ path: '/at', message: 'must be in the future' }],
        remedy: 'Give a later time, or leave it out for a switchover now.',
      });
    if (candidate !== undefined && !parts.members.some(({ name }) => name === candidate))
      throw refusal(parts, `the cluster has no member named ${candidate}`);
    if (!notBefore) await this.refuseUnfit(parts, candidate);
  }

  private async refuseUnfit(parts: ClusterParts, candidate: string | undefined): Promise<void> {
    const { cluster } = parts;
    if (cluster.state !== 'ready')
      throw refusal(parts, `the cluster is ${cluster.state}; a planned switchover needs a whole cluster`);
    const choice = chooseCandidate(await this.control.sight(cluster.id), cluster.durability, candidate);
    if ('refusal' in choice) throw refusal(parts, choice.refusal);
  }
}

const refusal = (parts: ClusterParts, reason: string): ProblemError =>
  conflict(`No switchover: ${reason}.`, {
    remedy:
      'Wait until the members stream again, or choose another candidate. For a leader that is gone or unwell: POST …/failover.',
    extra: { members: membersView(parts) },
  });
