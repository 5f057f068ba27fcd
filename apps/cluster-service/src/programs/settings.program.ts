import { Injectable } from '@nestjs/common';
import type { FailoverChange, Tls } from '@pgfleet/contracts';
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
import { DataSource } from 'typeorm';
import { ClusterRows } from '../clusters/cluster-rows';
import { ClusterControl } from '../failover/cluster-control';
import { patroniSettings } from '../failover/patroni-settings';
import { ClusterSecrets } from '../secrets/cluster-secrets';
import { MachineConfiguration } from './machine-configuration';

/** The requested change. The cluster's row holds what the machines get. */
interface Change {
  failover?: FailoverChange;
  tls?: Tls;
}
type Context = StepContext<Change>;

/** Patroni applies a change at once and finds its synchronous standbys in its next rounds. */
const settleMs = 90_000;

/**
 * Applies changed settings without restarting anything. What Patroni reads from etcd needs no machine, so it comes first: it
 * releases a `strict-sync` cluster whose writes wait for a lost replica. Machines that are down are configured when they return.
 */
@Injectable()
export class ClusterSettings extends Program<Change> {
  readonly kind = 'cluster.settings';
  readonly steps = ['configure_patroni', 'configure_machines', 'settle'] as const;

  constructor(
    private readonly database: DataSource,
    private readonly rows: ClusterRows,
    private readonly control: ClusterControl,
    private readonly secrets: ClusterSecrets,
    private readonly configuration: MachineConfiguration,
  ) {
    super();
  }

  async configure_patroni(context: Context): Promise<Outcome> {
    const { cluster } = await this.parts(context);
    await this.control.configure(cluster.id, patroniSettings(cluster));
    return next();
  }

  async configure_machines(context: Context): Promise<Outcome> {
    const { cluster, machines } = await this.parts(context);
    await this.secrets.complete(cluster.id);
    return this.configuration.step(context, { cluster, machines });
  }

  /**
   * Waits until a synchronous cluster has its synchronous standbys, unless no replica streams, and an asynchronous one has none.
   */
  async settle(context: Context): Promise<Outcome> {
    const { cluster } = await this.parts(context);
    const { syncStandbys, members, leader } = await this.control.sight(cluster.id);
    const wanted = cluster.durability !== 'async' && cluster.nodes > 1;
    if (syncStandbys.length > 0 === wanted) return this.settled(context);
    if (wanted && ![...members].some(([name, { state }]) => name !== leader && state === 'streaming')) {
      const meanwhile =
        cluster.durability === 'strict-sync' ? 'writes wait' : 'the leader acknowledges writes alone';
      await context.note(`No replica streams: ${meanwhile} until one does.`);
      return this.settled(context);
    }
    if (Date.now() - context.stepStartedAt.getTime() < settleMs) return again(500);
    return fail(
      wanted
        ? `No replica became synchronous within ${settleMs / 1000} s.`
        : `Replication is still synchronous after ${settleMs / 1000} s.`,
      'Look at the members in GET /clusters/:id and at the journal of patroni on the leader, then retry the operation.',
    );
  }

  /** The result names the machines that are configured when they return. */
  private settled({ results }: Context): Outcome {
    return done(results.configure_machines);
  }

  private parts({ clusterId }: OperationContext<Change>) {
    if (!clusterId) throw new Error('settings without a cluster');
    return this.rows.partsOf(this.database.manager, clusterId);
  }
}
