import { Inject, Injectable } from '@nestjs/common';
import type { RestoreTarget } from '@pgfleet/contracts';
import { fail, next, Outcome, type StepContext } from '@pgfleet/operations';
import { LeadershipIntents } from '../failover/leadership-intents';
import { Lineages } from '../lineages/lineages';
import { planMachines } from '../machines/machine-plan';
import type { ChosenBackup } from '../restore/restore-jobs';
import { remedyOf, RestoreSources } from '../restore/restore-source';
import { RestoreSteps } from '../restore/restore-steps';
import type { Restoring } from './configure-job';
import { CreateCluster } from './create-cluster.program';
import { Failure } from './explain-failed-job';

export interface CreateFromBackupInput {
  target: RestoreTarget;
  /** The lineage to restore from, which belongs to another cluster. */
  from: string;
}
type Context = StepContext<unknown>;

/**
 * Creates a cluster that starts with another cluster's data. No Patroni starts before the first node has the data: that node's
 * Patroni then finds them and leads, and the other nodes copy. The source is only read.
 */
@Injectable()
export class CreateFromBackup extends CreateCluster {
  override readonly kind = 'cluster.create_from_backup';
  override readonly steps = [
    'check',
    'reserve',
    'boot_machines',
    'configure_nodes',
    'restore',
    'recover',
    'hand_over',
    'copy_to_replicas',
    'connect_load_balancer',
    'create_stanza',
    'verify',
  ];

  @Inject() private readonly restoreSteps!: RestoreSteps;
  @Inject() private readonly sources!: RestoreSources;
  @Inject() private readonly lineages!: Lineages;
  @Inject() private readonly intents!: LeadershipIntents;

  /** Checks that the backups lead to the target, and chooses the backup and the timeline. */
  async check(context: Context): Promise<Outcome> {
    const { target, from } = inputOf(context);
    const check = await this.sources.check(from, target);
    if (!check.ok) return fail(check.reason, `${remedyOf(check)} Delete this cluster.`);
    if (check.note) await context.note(check.note);
    const chosen: ChosenBackup = {
      stanza: from,
      label: check.backupLabel,
      timeline: check.timeline,
      target: check.target,
    };
    await context.note(`From the backup ${chosen.label}, along timeline ${chosen.timeline}.`);
    return next(chosen);
  }

  async restore(context: Context): Promise<Outcome> {
    const chosen = context.results.check as ChosenBackup;
    const outcome = await this.restoreSteps.restore(context, await this.site(context), chosen);
    return outcome instanceof Failure ? outcome.outcome : outcome;
  }

  async recover(context: Context): Promise<Outcome> {
    const site = await this.site(context);
    const end = await this.restoreSteps.recover(context, site, site.parts.cluster.stanza);
    if (end instanceof Failure) return end.outcome;
    if (end instanceof Outcome) return end;
    const { cluster } = await this.parts(context);
    return next(end).with(async (tx) => {
      await this.lineages.reached(tx, cluster.stanza, end);
      await this.intents.declare(tx, cluster.id, {
        origin: 'restore',
        operationId: context.operationId,
        cause: `it was restored from ${inputOf(context).from} to ${end.lsn}`,
      });
    });
  }

  async hand_over(context: Context): Promise<Outcome> {
    return this.restoreSteps.handOver(context, await this.site(context));
  }

  async copy_to_replicas(context: Context): Promise<Outcome> {
    return this.restoreSteps.rebuildReplicas(context, await this.site(context));
  }

  /** During the first configuration of the machines no Patroni starts. */
  protected override restoring(context: Context): Promise<Restoring> {
    return Promise.resolve({ isHeld: () => true, source: { stanza: inputOf(context).from } });
  }

  /** The first node is restored. */
  private async site(context: Context) {
    const clusterId = this.clusterId(context);
    const [first] = planMachines(clusterId, 1);
    if (!first) throw new Error('a cluster without nodes');
    return this.restoreSteps.site(clusterId, first.name, context.operationId);
  }
}

const inputOf = ({ input }: Context): CreateFromBackupInput => input as CreateFromBackupInput;
