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

/** Each cluster's backup schedule and retention. */
@Injectable()
export class Policies {
  constructor(
    private readonly database: DataSource,
    private readonly lineages: Lineages,
  ) {}

  async of(clusterId: string): Promise<BackupPolicy> {
    const { clusterDeletedAt } = await this.lineages.current(clusterId);
    const entity = await this.database.manager.findOneBy(BackupPolicyEntity, { clusterId });
    // A cluster that is being created has no policy yet: it will get this one.
    return viewOf(
      clusterId,
      entity?.policy ?? defaultPolicy,
      entity && !clusterDeletedAt ? new Date() : null,
    );
  }

  /**
   * Changes the policy from now on: what came due before counts under the old policy. For a deleted cluster only the retention of
   * its lineages matters.
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

  /** Gives a policy to a cluster that has just become ready; an existing policy stays. */
  async begin(tx: EntityManager, clusterId: string): Promise<void> {
    if (!(await tx.existsBy(BackupPolicyEntity, { clusterId })))
      await this.save(tx, clusterId, defaultPolicy);
  }

  /**
   * Ends the policy of a deleted cluster. The retention of its lineages still applies, unless their backups are not to be kept:
   * then they are deleted at once.
   */
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

  /** The policy that applies to a cluster's backups. */
  async stored(clusterId: string): Promise<StoredPolicy> {
    const entity = await this.database.manager.findOneBy(BackupPolicyEntity, { clusterId });
    return entity?.policy ?? defaultPolicy;
  }

  /** Nothing comes due under this policy any more. */
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
