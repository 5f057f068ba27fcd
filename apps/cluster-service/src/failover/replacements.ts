import { Injectable } from '@nestjs/common';
import { conflict, type Idempotency as IdempotencyInput, type Operation } from '@pgfleet/contracts';
import { Idempotency, Operations } from '@pgfleet/operations';
import { DataSource } from 'typeorm';
import { ClusterRows } from '../clusters/cluster-rows';
import { membersView } from '../clusters/cluster-view';
import { ClusterControl } from './cluster-control';
import { planReplacement } from './replacement';

/** Replacements of members that customers request. */
@Injectable()
export class Replacements {
  constructor(
    private readonly database: DataSource,
    private readonly rows: ClusterRows,
    private readonly control: ClusterControl,
    private readonly operations: Operations,
    private readonly idempotency: Idempotency,
  ) {}

  start(clusterId: string, member: string, key: IdempotencyInput): Promise<Operation> {
    return this.idempotency.onceChecked(
      key,
      `replace ${clusterId} ${member}`,
      () => this.check(clusterId, member),
      (tx) => this.operations.start(tx, { kind: 'cluster.replace_member', clusterId, input: { member } }),
    );
  }

  private async check(clusterId: string, member: string): Promise<void> {
    const parts = await this.rows.partsOf(this.database.manager, clusterId);
    const plan = planReplacement(parts, await this.control.sight(clusterId), member);
    if ('refusal' in plan)
      throw conflict(`No replacement: ${plan.refusal}.`, {
        remedy: plan.remedy,
        extra: { members: membersView(parts) },
      });
  }
}
