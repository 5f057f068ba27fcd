import { done, Operations, Program, type Outcome, type StepContext } from '@pgfleet/operations';
import { DataSource, type EntityManager } from 'typeorm';
import { Injectable } from '@nestjs/common';
import { rows } from '@pgfleet/persistence';
import { ClusterMachines } from '../machines/cluster-machines';

interface Input {
  machine: string;
  /** The cluster whose failover fenced the machine. */
  clusterId: string;
}

/**
 * Releases a machine that a failover fenced and did not release itself, so that it can start again. Keeps trying while the
 * provider does not answer.
 */
@Injectable()
export class ReleaseMachine extends Program<Input> {
  static readonly kind = 'cluster.failover.release_machine';
  readonly kind = ReleaseMachine.kind;
  readonly steps = ['release_machine'] as const;
  /** Attempts are half a minute apart, so this lasts for a week. */
  override readonly attempts = 20_000;

  constructor(
    private readonly database: DataSource,
    private readonly machines: ClusterMachines,
  ) {
    super();
  }

  /** Runs in the transaction that ends the failover, which must not wait for the provider. */
  static after(operations: Pick<Operations, 'start'>, tx: EntityManager, input: Input): Promise<unknown> {
    return operations.start(tx, { kind: ReleaseMachine.kind, clusterId: null, input });
  }

  /** A later failover of the cluster may have fenced the machine again. That failover releases it. */
  async release_machine({ input }: StepContext<Input>): Promise<Outcome> {
    const later = await rows(
      this.database,
      `SELECT 1 FROM operation WHERE cluster_id = $1 AND kind = 'cluster.failover' AND state IN ('pending', 'running')`,
      [input.clusterId],
    );
    if (later.length === 0) await this.machines.release(input.machine);
    return done();
  }
}
