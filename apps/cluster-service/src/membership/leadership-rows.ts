import { Injectable } from '@nestjs/common';
import { MoreThan, type EntityManager } from 'typeorm';
import { LeadershipEntity } from '../persistence/leadership.entity';

type Begun = Pick<LeadershipEntity, 'clusterId' | 'leader' | 'since' | 'announced'> &
  Partial<LeadershipEntity>;

/** The leaderships of clusters. Writers hold the lock on the cluster's row, so the numbers have no gaps. */
@Injectable()
export class LeadershipRows {
  /** The newest, whether or not it has ended. */
  current(tx: EntityManager, clusterId: string): Promise<LeadershipEntity | null> {
    return tx.findOne(LeadershipEntity, { where: { clusterId }, order: { seq: 'DESC' } });
  }

  /** The leadership that replaced a leader of that timeline. */
  after(tx: EntityManager, clusterId: string, timeline: number): Promise<LeadershipEntity | null> {
    return tx.findOne(LeadershipEntity, {
      where: { clusterId, timeline: MoreThan(timeline) },
      order: { seq: 'ASC' },
    });
  }

  async begin(tx: EntityManager, before: LeadershipEntity | null, begun: Begun): Promise<LeadershipEntity> {
    const leadership = tx.create(LeadershipEntity, {
      ...{
        timeline: null,
        origin: null,
        until: null,
        cause: null,
        promotedAt: null,
        outageMs: null,
        outageBound: null,
      },
      ...{ lossBytes: null, lossSure: null, lostBytes: null, lostTransactions: null },
      ...{ operationId: null, completedAt: null },
      ...begun,
      seq: (before?.seq ?? 0) + 1,
    });
    await tx.insert(LeadershipEntity, leadership);
    return leadership;
  }

  /** Writes the given fields to the row and to the object. */
  async change(
    tx: EntityManager,
    leadership: LeadershipEntity,
    fields: Partial<Omit<LeadershipEntity, 'clusterId' | 'seq'>>,
  ): Promise<void> {
    Object.assign(leadership, fields);
    const { clusterId, seq } = leadership;
    await tx.update(LeadershipEntity, { clusterId, seq }, fields);
  }

  /** Makes sure that the previous leadership ended no later than this one began. */
  async endBefore(tx: EntityManager, { clusterId, seq, since }: LeadershipEntity): Promise<void> {
    await tx.query('update leaderships set until = least(until, $3) where cluster_id = $1 and seq = $2', [
      clusterId,
      seq - 1,
      since,
    ]);
  }
}
