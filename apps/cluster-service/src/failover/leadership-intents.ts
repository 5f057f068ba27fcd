import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { ClusterEntity } from '../persistence/cluster.entity';
import { withoutIntent } from '../membership/lost-leader';
import type { LeadershipIntent } from '../persistence/leadership.entity';

/**
 * What a program is about to do to a cluster's leader, committed before the program acts. Membership can then attribute the next
 * leadership to the program, however soon it begins and even if the program dies first. The next leadership consumes the intent.
 * A program that fails earlier must withdraw it, or the next failover would be attributed to it.
 */
@Injectable()
export class LeadershipIntents {
  /** Replaces an existing intent. */
  async declare(tx: EntityManager, clusterId: string, intent: LeadershipIntent): Promise<void> {
    await tx.update(ClusterEntity, { id: clusterId }, { intent });
  }

  /**
   * Withdraws the operation's intent if it still exists, also from a loss that is already attributed to it. `null` stands for the
   * platform itself.
   */
  async withdraw(tx: EntityManager, clusterId: string, operationId: string | null): Promise<void> {
    await tx.query(
      `update clusters set intent = null
       where id = $1 and intent is not null and intent->>'operationId' is not distinct from $2`,
      [clusterId, operationId],
    );
    if (operationId === null) return;
    const cluster = await tx.findOne(ClusterEntity, {
      where: { id: clusterId },
      lock: { mode: 'pessimistic_write' },
    });
    if (cluster?.lost?.operationId === operationId)
      await tx.update(ClusterEntity, { id: clusterId }, { lost: withoutIntent(cluster.lost) });
  }
}
