import { Injectable } from '@nestjs/common';
import type { OperationError } from '@pgfleet/contracts';
import { Program, type OperationContext, type Outcome, type StepContext } from '@pgfleet/operations';
import { DataSource, type EntityManager } from 'typeorm';
import { ClusterRows } from '../clusters/cluster-rows';
import { ClusterSecrets } from '../secrets/cluster-secrets';
import { MachineConfiguration } from './machine-configuration';

interface Input {
  machines: string[];
}

/** Applies the changes that machines missed while they were down. PendingMachines starts it when they answer again. */
@Injectable()
export class ConfigureReturned extends Program<Input> {
  readonly kind = 'cluster.configure_returned';
  readonly steps = ['configure_machines'] as const;

  constructor(
    private readonly database: DataSource,
    private readonly rows: ClusterRows,
    private readonly secrets: ClusterSecrets,
    private readonly configuration: MachineConfiguration,
  ) {
    super();
  }

  async configure_machines(context: StepContext<Input>): Promise<Outcome> {
    const { cluster, machines } = await this.rows.partsOf(this.database.manager, context.clusterId ?? '');
    await this.secrets.complete(cluster.id);
    const { machines: only } = context.input;
    // One that answers and lets nobody in has not returned: the operation fails, and the next attempt waits.
    return this.configuration.step(context, { cluster, machines, only, needed: only });
  }

  /** The machines are retried later, after a longer pause each time. */
  override async onFailed(
    { input }: OperationContext<Input>,
    _: OperationError,
    tx: EntityManager,
  ): Promise<void> {
    await tx.query(
      `update machines set pending_failures = pending_failures + 1,
         pending_retry_at = now() + least(interval '1 hour', interval '30 seconds' * 2 ^ least(pending_failures, 10))
       where name = any($1) and pending_since is not null`,
      [input.machines],
    );
  }
}
