import { Injectable } from '@nestjs/common';
import {
  cannotChange,
  type BackupPolicy,
  type BackupPolicyChange,
  type ProblemFault,
} from '@pgfleet/contracts';
import { DataSource, Not, type EntityManager } from 'typeorm';
import type { z } from 'zod';
import { BackupPolicyEntity } from '../persistence/backup-policy.entity';
import { StanzaEntity } from '../persistence/stanza.entity';
import { Lineages } from '../stanzas/lineages';
import { defaultPolicy, type StoredPolicy } from './default-policy';
import { nextDrill, nextDue, scheduleFault, timeZoneFault } from './due-times';

/** When backups are made of each cluster, and how long they are kept. */
@Injectable()
export class Policies {
  constructor(
    private readonly database: DataSource,
    private readonly lineages: Lineages,
  ) {}

  async of(clusterId: string): Promise<BackupPolicy> {
    const { clusterDeletedAt } = await this.lineages.current(clusterId);
    const entity = await this.database.manager.findOneBy(BackupPolicyEntity, { clusterId });
    // A cluster that is being made has none yet: this is what it gets.
    return viewOf(
      clusterId,
      entity?.policy ?? defaultPolicy,
      entity && !clusterDeletedAt ? new Date() : null,
    );
  }

  /**
   * What came due before is decided by the policy that held then: what is due is counted anew from now. Of a deleted cluster only how long
   * its lineages are kept matters.
   */
  async change(clusterId: string, change: BackupPolicyChange): Promise<BackupPolicy> {
    const { clusterDeletedAt } = await this.lineages.current(clusterId);
    return this.database.transaction(async (tx) => {
      const entity = await tx.findOne(BackupPolicyEntity, {
        where: { clusterId },
        lock: { mode: 'pessimistic_write' },
      });
      const before = entity?.policy ?? defaultPolicy;
      const policy: StoredPolicy = {
        schedules: { ...before.schedules, ...change.schedules },
        timeZone: change.timeZone ?? before.timeZone,
        spreadMinutes: change.spreadMinutes ?? before.spreadMinutes,
        from: change.from ?? before.from,
        drills: change.drills === undefined ? before.drills : change.drills,
        retention: { ...before.retention, ...change.retention },
      };
      checkPolicy(policy);
      await this.save(tx, clusterId, policy);
      if (clusterDeletedAt) await this.rest(tx, clusterId);
      await tx.query(
        `update stanza set expiry_due_at = now() where cluster_id = $1 and expiry_due_at is not null and state <> 'deleting'`,
        [clusterId],
      );
      return viewOf(clusterId, policy, clusterDeletedAt ? null : new Date());
    });
  }

  /** Of a cluster that has just become ready; one that has a policy keeps it. */
  async begin(tx: EntityManager, clusterId: string): Promise<void> {
    if (!(await tx.existsBy(BackupPolicyEntity, { clusterId })))
      await this.save(tx, clusterId, defaultPolicy);
  }

  /** Of a cluster that is deleted. How long its lineages are kept is still followed, unless nobody wants them: then they go at once. */
  async end(tx: EntityManager, clusterId: string, areBackupsKept: boolean): Promise<void> {
    if (!(await tx.existsBy(StanzaEntity, { clusterId, state: Not('deleted') }))) {
      await tx.delete(BackupPolicyEntity, { clusterId });
      return;
    }
    await this.begin(tx, clusterId);
    await this.rest(tx, clusterId);
    if (!areBackupsKept)
      await tx.query(
        `update backup_policy set policy = jsonb_set(policy, '{retention,leftDays}', '0') where cluster_id = $1`,
        [clusterId],
      );
  }

  /** What the backups of a cluster are made by. */
  async stored(clusterId: string): Promise<StoredPolicy> {
    const entity = await this.database.manager.findOneBy(BackupPolicyEntity, { clusterId });
    return entity?.policy ?? defaultPolicy;
  }

  /** Nothing of it comes due any more. */
  private async rest(tx: EntityManager, clusterId: string): Promise<void> {
    await tx.update(BackupPolicyEntity, { clusterId }, { dueAt: null, drillDueAt: null, heldUpBy: null });
  }

  private async save(tx: EntityManager, clusterId: string, policy: StoredPolicy): Promise<void> {
    const lookedUntil = new Date();
    const dueAt = nextDue(policy, clusterId, lookedUntil)?.at ?? null;
    const drillDueAt = nextDrill(policy, clusterId, lookedUntil);
    const row = { clusterId, policy, lookedUntil, dueAt, heldUpBy: null, drillDueAt };
    await tx.upsert(BackupPolicyEntity, row, ['clusterId']);
  }
}

const viewOf = (clusterId: string, policy: StoredPolicy, after: Date | null): BackupPolicy => {
  const next = after && nextDue(policy, clusterId, after);
  return { clusterId, ...policy, next: next && { type: next.type, at: next.at.toISOString() } };
};

/** @throws ProblemError 422 that names every fault */
const checkPolicy = ({ schedules, drills, timeZone }: StoredPolicy): void => {
  const errors: z.infer<typeof ProblemFault>[] = [];
  const zone = timeZoneFault(timeZone);
  if (zone) errors.push({ path: '/timeZone', message: zone });
  const paths = Object.entries(schedules).map(([type, cron]) => [`/schedules/${type}`, cron] as const);
  for (const [path, cron] of [...paths, ['/drills', drills] as const]) {
    const fault = cron === null ? null : scheduleFault(cron, zone ? 'UTC' : timeZone);
    if (fault) errors.push({ path, message: fault });
  }
  if (errors.length > 0)
    throw cannotChange(errors.map(({ message }) => message).join('; '), {
      remedy:
        "Use five fields of cron, e.g. '0 1 * * 0' for Sundays at one, and a time zone like Europe/Berlin.",
      errors,
    });
};
