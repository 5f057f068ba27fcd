import { Inject, Injectable } from '@nestjs/common';
import { done, fail, Outcome, Program, type StepContext } from '@pgfleet/operations';
import { DataSource } from 'typeorm';
import { ClusterRows } from '../clusters/cluster-rows';
import { CONFIG, type Config } from '../config';
import { ClusterControl } from '../failover/cluster-control';
import { ClusterSecrets } from '../secrets/cluster-secrets';
import { configureJob } from './configure-job';
import { driveJob } from './drive-job';
import { Failure } from './explain-failed-job';

type Context = StepContext<unknown>;

/** Gives the customer's role the chosen password, then makes /credentials return it. */
@Injectable()
export class RotateCredentials extends Program {
  readonly kind = 'cluster.credentials.rotate';
  readonly steps = ['set_password'] as const;

  constructor(
    private readonly database: DataSource,
    private readonly rows: ClusterRows,
    private readonly control: ClusterControl,
    private readonly secrets: ClusterSecrets,
    @Inject(CONFIG) private readonly config: Config,
  ) {
    super();
  }

  async set_password(context: Context): Promise<Outcome> {
    const { clusterId } = context;
    if (!clusterId) throw new Error('a password without a cluster');
    const { cluster, machines } = await this.rows.partsOf(this.database.manager, clusterId);
    const { leader } = await this.control.sight(clusterId);
    const job = configureJob(cluster, machines, this.config);
    const leads = (job.groups.nodes ?? []).filter(({ name }) => name === leader);
    if (leads.length === 0)
      return fail('No member of the cluster leads.', 'Wait until one does, then retry the operation.');
    const ran = await driveJob(context, () => ({
      ...job,
      playbook: 'rotate_password.yml',
      groups: { ...job.groups, leader: leads },
    }));
    if (ran instanceof Failure) return ran.outcome;
    if (ran instanceof Outcome) return ran;
    return done().with((tx) => this.secrets.takeNextPassword(tx, clusterId));
  }
}
