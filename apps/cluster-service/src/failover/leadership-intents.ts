import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { ClusterEntity } from '../persistence/cluster.entity';
import { withoutIntent } from '../membership/lost-leader';
import type { LeadershipIntent } from '../persistence/leadership.entity';

/**
 * What a program is about to do to a cluster's leader, written down and committed before it acts: membership takes the leadership that
 * follows for what it is, however soon it comes and whether or not the program lives to see it. The leadership that follows takes the
 * intent with it; who fails before must withdraw it, or the next failover would pass for his.
 */
@Injectable()
export class LeadershipIntents {
  /** Takes the place of an intent that is there already. */
  async declare(tx: EntityManager, clusterId: string, intent: LeadershipIntent): Promise<void> {
    await tx.update(ClusterEntity, { id: clusterId }, { intent });
  }

  /**
   * Takes the operation's intent back, if it is still there, also from a loss that was attributed to it already. `null`: that of the
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
