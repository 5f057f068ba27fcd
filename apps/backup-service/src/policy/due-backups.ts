import { Injectable, Logger } from '@nestjs/common';
import { backupMissed, OperationId } from '@pgfleet/contracts';
import { Outbox } from '@pgfleet/messaging';
import { Operations } from '@pgfleet/operations';
import { rows } from '@pgfleet/persistence';
import { Counter } from 'prom-client';
import type { EntityManager } from 'typeorm';
import { pgbackrestType } from '../backups/backup-kind';
import { RunBackup } from '../backups/run-backup.program';
import { BackupPolicyEntity } from '../persistence/backup-policy.entity';
import type { StanzaEntity } from '../persistence/stanza.entity';
import { isServed, type SeenCluster } from '../stanzas/lineages';
import { DueClusters } from './due-clusters';
import { dueUntil, nextDue } from './due-times';

const missed = new Counter({
  name: 'pgfleet_backups_missed_total',
  help: 'Scheduled backups that did not begin at their time.',
});

/** A backup that starts later than this has missed its time. */
const graceMs = 5 * 60_000;
/** How soon to check again whether a cluster is free. */
const lookAgainMs = 10_000;
const keepDays = 90;

/**
 * Starts the backups that are due. One transaction decides everything that is due for a cluster, under the lock of its policy. It
 * marks the times until now as done, starts one backup of the largest type among them, and records that this backup answers this
 * time. So only one of two replicas starts it, and a crash leaves all of this or nothing.
 */
@Injectable()
export class DueBackups {
  private readonly logger = new Logger('DueBackups');

  constructor(
    private readonly clusters: DueClusters,
    private readonly operations: Operations,
    private readonly outbox: Outbox,
  ) {}

  /** Decides everything that is due now; returns the number of clusters. */
  async decide(): Promise<number> {
    return this.clusters.decide(
      'due_at',
      (tx, policy, seen) => this.decideCluster(tx, policy, seen),
      (clusterId, error) =>
        this.logger.warn(`What is due of ${clusterId} could not be begun: ${String(error)}`),
    );
  }

  private async decideCluster(
    tx: EntityManager,
    entity: BackupPolicyEntity,
    { stanza, cluster }: SeenCluster,
  ): Promise<void> {
    const { clusterId } = entity;
    const now = new Date();
    const due = dueUntil(entity.policy, clusterId, entity.lookedUntil, now);
    if (!due || (!isWritten(stanza) && !(await this.isBetweenLineages(tx, stanza))))
      return this.strikeOff(tx, entity, now);
    const busy =
      obstacle(cluster) ??
      (await this.operations.active(tx, [clusterId])).get(clusterId) ??
      (isWritten(stanza) ? null : 'without a backup of its new lineage');
    if (busy) {
      const dueAt = new Date(now.getTime() + lookAgainMs);
      await tx.update(BackupPolicyEntity, { clusterId }, { dueAt, heldUpBy: busy });
      return;
    }
    await this.strikeOff(tx, entity, now);
    const [decided] = await rows(
      tx,
      `insert into scheduled_backup (cluster_id, due_at, type, times, operation_id) values ($1, $2, $3, $4, '')
       on conflict do nothing returning due_at`,
      [clusterId, due.last, due.type, due.times],
    );
    if (!decided) return;
    const input = { stanza: stanza.name, clusterId, type: pgbackrestType[due.type] };
    const { id } = await this.operations.start(tx, { kind: RunBackup.kind, clusterId, input });
    await tx.query('update scheduled_backup set operation_id = $3 where cluster_id = $1 and due_at = $2', [
      ...[clusterId, due.last, id],
    ]);
    await tx.query(
      `delete from scheduled_backup where cluster_id = $1 and decided_at < now() - ${keepDays} * interval '1 day'`,
      [clusterId],
    );
    if (now.getTime() - due.first.getTime() <= graceMs) return;
    missed.inc();
    const reason = missedBecause(entity.heldUpBy);
    await this.outbox.publish(
      tx,
      backupMissed,
      stanza.name,
      {
        ...{
          clusterId,
          stanza: stanza.name,
          type: due.type,
          dueAt: due.first.toISOString(),
          times: due.times,
        },
        ...{ reason, operationId: id },
      },
      { correlationId: id },
    );
  }

  /** A restore has started a lineage that has no backup yet. Whatever comes due meanwhile is made up for, and reported. */
  private async isBetweenLineages(
    tx: EntityManager,
    { clusterId, name, clusterDeletedAt }: StanzaEntity,
  ): Promise<boolean> {
    if (clusterDeletedAt !== null) return false;
    const earlier = await rows(
      tx,
      'select from stanza where cluster_id = $1 and name <> $2 and first_backup is not null limit 1',
      [clusterId, name],
    );
    return earlier.length > 0;
  }

  private async strikeOff(
    tx: EntityManager,
    { clusterId, policy }: BackupPolicyEntity,
    now: Date,
  ): Promise<void> {
    const dueAt = nextDue(policy, clusterId, now)?.at ?? null;
    await tx.update(BackupPolicyEntity, { clusterId }, { lookedUntil: now, dueAt, heldUpBy: null });
  }
}

/** The lineage can be backed up. Its first full backup starts when the cluster is ready or through a restore, not by schedule. */
const isWritten = ({ state, firstBackup, clusterDeletedAt }: StanzaEntity): boolean =>
  state === 'ready' && firstBackup !== null && clusterDeletedAt === null;

/** The cluster's state that prevents a backup; null when the cluster serves. Without an answer on the state, the leader is unknown too. */
const obstacle = (cluster: SeenCluster['cluster']): string | null =>
  isServed(cluster) ? null : (cluster?.state ?? 'out of reach');

const missedBecause = (heldUpBy: string | null): string => {
  if (heldUpBy === null) return 'Nobody was there to begin it.';
  return OperationId.safeParse(heldUpBy).success
    ? `Operation ${heldUpBy} was working on the backups of the cluster.`
    : `The cluster was ${heldUpBy}.`;
};
