import { Injectable } from '@nestjs/common';
import {
  cannotChange,
  type BackupPolicy,
  type BackupPolicyChange,
  type ProblemFault,
} from '@pgfleet/contracts';
import { DataSource, type EntityManager } from 'typeorm';
import type { z } from 'zod';
import { BackupPolicyEntity } from '../persistence/backup-policy.entity';
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
    await this.lineages.current(clusterId);
    const entity = await this.database.manager.findOneBy(BackupPolicyEntity, { clusterId });
    // A cluster that is being made has none yet: this is what it gets.
    return viewOf(clusterId, entity?.policy ?? defaultPolicy, entity ? new Date() : null);
  }

  /** What came due before is decided by the policy that held then: what is due is counted anew from now. */
  async change(clusterId: string, change: BackupPolicyChange): Promise<BackupPolicy> {
    await this.lineages.current(clusterId);
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
      return viewOf(clusterId, policy, new Date());
    });
  }

  /** Of a cluster that has just become ready; one that has a policy keeps it. */
  async begin(tx: EntityManager, clusterId: string): Promise<void> {
    if (!(await tx.existsBy(BackupPolicyEntity, { clusterId })))
      await this.save(tx, clusterId, defaultPolicy);
  }

  async end(tx: EntityManager, clusterId: string): Promise<void> {
    await tx.delete(BackupPolicyEntity, { clusterId });
  }

  /** What the backups of a cluster are made by. */
  async stored(clusterId: string): Promise<StoredPolicy> {
    const entity = await this.database.manager.findOneBy(BackupPolicyEntity, { clusterId });
    return entity?.policy ?? defaultPolicy;
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
