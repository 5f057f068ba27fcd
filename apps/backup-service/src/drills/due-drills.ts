import { Injectable, Logger } from '@nestjs/common';
import { rows } from '@pgfleet/persistence';
import { Gauge } from 'prom-client';
import { DataSource, type EntityManager } from 'typeorm';
import { BackupPolicyEntity } from '../persistence/backup-policy.entity';
import { isServed, type SeenCluster } from '../stanzas/lineages';
import { DueClusters } from '../policy/due-clusters';
import { nextDrill } from '../policy/due-times';
import { DrillRows } from './drill-rows';
import { Drills } from './drills';

const lastProven = new Gauge({
  name: 'pgfleet_drill_last_success_timestamp_seconds',
  help: 'When a drill last proved that the cluster can be restored.',
  labelNames: ['cluster'],
});

/** How soon to check again when there is no backup yet, or the cluster is not serving. */
const lookAgainMs = 600_000;

/**
 * Starts the drills that are due. Each scheduled time starts one drill, on whichever replica sees it first. Missed times are made
 * up for by one drill.
 */
@Injectable()
export class DueDrills {
  private readonly logger = new Logger('DueDrills');

  constructor(
    private readonly database: DataSource,
    private readonly clusters: DueClusters,
    private readonly drills: Drills,
    private readonly rows: DrillRows,
  ) {}

  async decide(): Promise<void> {
    await this.show();
    await this.clusters.decide(
      'drill_due_at',
      (tx, policy, seen) => this.decideCluster(tx, policy, seen),
      (clusterId, error) =>
        this.logger.warn(`The drill of ${clusterId} that is due could not be begun: ${String(error)}`),
    );
  }

  private async decideCluster(
    tx: EntityManager,
    { clusterId, policy }: BackupPolicyEntity,
    { stanza, cluster }: SeenCluster,
  ): Promise<void> {
    const now = new Date();
    const canBegin = isServed(cluster) && stanza.backups?.items.some(({ failed }) => !failed);
    const drillDueAt = canBegin ? nextDrill(policy, clusterId, now) : new Date(now.getTime() + lookAgainMs);
    await tx.update(BackupPolicyEntity, { clusterId }, { drillDueAt });
    // A drill that a user has just requested serves as well.
    if (!canBegin || (await this.rows.running(tx, clusterId))) return;
    if (!(await this.drills.begin(tx, { stanza: stanza.name, clusterId })))
      throw new Error('another one has begun in this moment');
  }

  private async show(): Promise<void> {
    const proven = await rows<{ cluster_id: string; at: string }>(
      this.database,
      `select cluster_id, extract(epoch from max(ended_at)) as at from drill join backup_policy using (cluster_id)
       where state = 'succeeded' and exists (select from stanza where stanza.cluster_id = drill.cluster_id and cluster_deleted_at is null)
       group by cluster_id`,
    );
    lastProven.reset();
    for (const { cluster_id: cluster, at } of proven) lastProven.set({ cluster }, Number(at));
  }
}
