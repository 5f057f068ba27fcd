import { Injectable } from '@nestjs/common';
import { Operations } from '@pgfleet/operations';
import type { KeyChange, Revision, WatchSink } from '@pgfleet/patroni';
import { DataSource, In, IsNull, type EntityManager } from 'typeorm';
import { ClusterEntity } from '../persistence/cluster.entity';
import { DurabilityFollower } from './durability-follower';
import { LeadershipFollower } from './leadership-follower';
import { MemberEvents } from './member-events';
import { Rejoins } from './rejoins';
import { afterKeys, withoutKeys, type ClusterChange, type Sight } from './sight';
import { SightRows } from './sight-rows';
import { advance, lockPosition } from './watch-position';
import { Wholeness } from './wholeness';

/**
 * Stores members, roles, timelines and lag as Patroni reports them through etcd, and publishes every change once. One
 * transaction, under the lock on the position's row, writes the revision, the rows and the events. With two replicas of this
 * service, or after a crash at any point, a revision is processed exactly once. Revisions that arrive while others are processed
 * are processed together.
 */
@Injectable()
export class Membership implements WatchSink {
  constructor(
    private readonly database: DataSource,
    private readonly operations: Operations,
    private readonly sights: SightRows,
    private readonly leaderships: LeadershipFollower,
    private readonly memberEvents: MemberEvents,
    private readonly wholeness: Wholeness,
    private readonly durability: DurabilityFollower,
    private readonly rejoins: Rejoins,
  ) {}

  async position(): Promise<bigint | null> {
    const [row] = await this.database.query<{ revision: string | null }[]>(
      'select revision from watch_position',
    );
    return row?.revision == null ? null : BigInt(row.revision);
  }

  changes(revisions: readonly Revision[]): Promise<void> {
    return this.database.transaction(async (tx) => {
      const position = await lockPosition(tx);
      const fresh = revisions.filter(({ revision }) => position === null || revision > position);
      const last = fresh.at(-1);
      if (!last) return;
      const scopes = fresh.flatMap(({ changes }) => changes.map(({ scope }) => scope));
      for (const cluster of await this.lock(tx, [...new Set(scopes)])) {
        const known = await this.sights.load(tx, cluster);
        let seen: ClusterChange | undefined;
        for (const { changes, revision } of fresh) {
          const own = ofCluster(changes, cluster);
          if (own.length === 0) continue;
          const before: Sight = seen?.after ?? known;
          seen = { cluster, before, after: afterKeys(before, own), revision, watched: true, at: new Date() };
          await this.follow(tx, seen);
        }
        if (seen) await this.keep(tx, { ...seen, before: known });
      }
      await advance(tx, last.revision);
    });
  }

  snapshot(keys: KeyChange[], revision: bigint): Promise<void> {
    return this.database.transaction(async (tx) => {
      const position = await lockPosition(tx);
      if (position !== null && revision <= position) return;
      const clusters = await tx.find(ClusterEntity, { select: { id: true }, where: { deletedAt: IsNull() } });
      const ids = clusters.map(({ id }) => id);
      for (const cluster of await this.lock(tx, ids)) {
        const before = await this.sights.load(tx, cluster);
        const after = afterKeys(withoutKeys(before), ofCluster(keys, cluster));
        const change = { cluster, before, after, revision, watched: false, at: new Date() };
        await this.follow(tx, change);
        await this.keep(tx, change);
      }
      await advance(tx, revision);
    });
  }

  /** Locks the clusters of the scopes, with their operations, in the order that all code uses. */
  private async lock(tx: EntityManager, scopes: string[]): Promise<ClusterEntity[]> {
    await this.operations.lockActive(tx, scopes);
    return tx.find(ClusterEntity, {
      where: { id: In(scopes), deletedAt: IsNull() },
      order: { id: 'ASC' },
      lock: { mode: 'pessimistic_write' },
    });
  }

  /** Publishes what a revision changes. */
  private async follow(tx: EntityManager, change: ClusterChange): Promise<void> {
    await this.leaderships.follow(tx, change);
    await this.memberEvents.publish(tx, change);
    await this.wholeness.follow(tx, change);
    await this.durability.follow(tx, change);
    await this.rejoins.followOnTheWay(tx, change);
  }

  /** Stores the state after all revisions and publishes what follows from the stored rows. */
  private async keep(tx: EntityManager, change: ClusterChange): Promise<void> {
    await this.sights.save(tx, change);
    await this.rejoins.follow(tx, change);
  }
}

const ofCluster = (keys: readonly KeyChange[], { id }: ClusterEntity): KeyChange[] =>
  keys.filter(({ scope }) => scope === id);
