import { Inject, Injectable } from '@nestjs/common';
import type { FailoverChange, JobResult } from '@pgfleet/contracts';
import {
  again,
  done,
  fail,
  next,
  Program,
  runJob,
  type OperationContext,
  type Outcome,
  type StepContext,
} from '@pgfleet/operations';
import { DataSource } from 'typeorm';
import { ClusterRows } from '../clusters/cluster-rows';
import { CONFIG, type Config } from '../config';
import { ClusterControl } from '../failover/cluster-control';
import { patroniSettings } from '../failover/patroni-settings';
import { ClusterSecrets } from '../secrets/cluster-secrets';
import { configureJob } from './configure-job';
import { explainFailedJob } from './explain-failed-job';

type Context = StepContext<{ failover: FailoverChange }>;

/** Patroni takes a change in at once, and finds its synchronous standbys in its next rounds. */
const settleMs = 90_000;

/** Brings changed failover settings to the machines of a cluster, one after the other; nothing is restarted. */
@Injectable()
export class ClusterSettings extends Program<{ failover: FailoverChange }> {
  readonly kind = 'cluster.settings';
  readonly steps = ['configure_machines', 'configure_patroni', 'settle'] as const;

  constructor(
    private readonly database: DataSource,
    private readonly rows: ClusterRows,
    private readonly control: ClusterControl,
    private readonly secrets: ClusterSecrets,
    @Inject(CONFIG) private readonly config: Config,
  ) {
    super();
  }

  async configure_machines(context: Context): Promise<Outcome> {
    const result = context.signal<JobResult>('job');
    if (result) return result.state === 'succeeded' ? next() : explainFailedJob(result);
    if (context.expired)
      return fail(
        'The runner gave no answer in time.',
        'See whether ansible-runner runs, then retry the operation.',
      );
    const { cluster, machines } = await this.parts(context);
    await this.secrets.complete(cluster.id);
    const job = configureJob(cluster, machines, this.config);
    return runJob({ ...job, vars: { ...job.vars, one_by_one: true } });
  }

  async configure_patroni(context: Context): Promise<Outcome> {
    const { cluster } = await this.parts(context);
    await this.control.configure(cluster.id, patroniSettings(cluster));
    return next();
  }

  /** A synchronous cluster has its synchronous standbys; an asynchronous one has none. */
  async settle(context: Context): Promise<Outcome> {
    const { cluster } = await this.parts(context);
    const { syncStandbys } = await this.control.sight(cluster.id);
    const wanted = cluster.durability !== 'async' && cluster.nodes > 1;
    if (syncStandbys.length > 0 === wanted) return done();
    if (Date.now() - context.stepStartedAt.getTime() < settleMs) return again(500);
    return fail(
      wanted
        ? `No replica became synchronous within ${settleMs / 1000} s.`
        : `Replication is still synchronous after ${settleMs / 1000} s.`,
      'Look at the members in GET /clusters/:id and at the journal of patroni on the leader, then retry the operation.',
    );
  }

  private parts({ clusterId }: OperationContext<{ failover: FailoverChange }>) {
    if (!clusterId) throw new Error('settings without a cluster');
    return this.rows.partsOf(this.database.manager, clusterId);
  }
}
