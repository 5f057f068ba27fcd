import { Injectable } from '@nestjs/common';
import { rows } from '@pgfleet/persistence';
import { DataSource, type EntityManager } from 'typeorm';
import { BackupPolicyEntity } from '../persistence/backup-policy.entity';
import { Lineages, type SeenCluster } from '../stanzas/lineages';

/** Decides about one cluster; the transaction holds the lock of its policy. */
type Decide = (tx: EntityManager, policy: BackupPolicyEntity, seen: SeenCluster) => Promise<void>;

/** Finds the clusters whose policy has something due. One replica of this service decides about each, in one transaction. */
@Injectable()
export class DueClusters {
  constructor(
    private readonly database: DataSource,
    private readonly lineages: Lineages,
  ) {}

  /**
   * Decides everything that is due now according to the column; returns the number of clusters. Calls `failed` for each cluster
   * that it could not decide about.
   */
  async decide(
    column: 'due_at' | 'drill_due_at',
    decide: Decide,
    failed: (clusterId: string, error: unknown) => void,
  ): Promise<number> {
    const due = await rows<{ cluster_id: string }>(
      this.database,
      `select cluster_id from backup_policy where ${column} <= now() order by ${column}`,
    );
    for (const { cluster_id: clusterId } of due)
      await this.lineages
        .look(clusterId)
        .then((seen) =>
          this.database.transaction(async (tx) => {
            const [found] = await rows(
              tx,
              `select from backup_policy where cluster_id = $1 and ${column} <= now() for update skip locked`,
              [clusterId],
            );
            if (found) await decide(tx, await tx.findOneByOrFail(BackupPolicyEntity, { clusterId }), seen);
          }),
        )
        .catch((error: unknown) => failed(clusterId, error));
    return due.length;
  }
}
