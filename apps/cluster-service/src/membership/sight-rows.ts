import { Injectable } from '@nestjs/common';
import type { NodeReport } from '@pgfleet/patroni';
import type { EntityManager } from 'typeorm';
import { ClusterEntity, MemberEntity } from '../persistence/cluster.entity';
import { NodeReportEntity } from '../persistence/leadership.entity';
import type { ClusterChange, Sight } from './sight';

/** Stores the last observed state of each cluster. */
@Injectable()
export class SightRows {
  async load(tx: EntityManager, cluster: ClusterEntity): Promise<Sight> {
    const members = await tx.findBy(MemberEntity, { clusterId: cluster.id });
    const reports = await tx.findBy(NodeReportEntity, { clusterId: cluster.id });
    return {
      leader: cluster.leader,
      leaderPosition: cluster.leaderPosition,
      syncStandbys: cluster.syncStandbys,
      durability: cluster.patroniDurability,
      orderedChange: cluster.orderedChange,
      history: cluster.patroniHistory ?? [],
      members: new Map(
        members.map(({ name, state, actsAs: role, timeline, walPosition }) => [
          name,
          { state, role, timeline, walPosition },
        ]),
      ),
      reports: new Map(
        reports.flatMap(({ member, report }): [string, NodeReport][] => (report ? [[member, report]] : [])),
      ),
    };
  }

  /** Stores the new observed state, and the cluster row as the followers have changed it. */
  async save(tx: EntityManager, { cluster, before, after }: ClusterChange): Promise<void> {
    const { id: clusterId, lastLeader, intent, lost, lostAt } = cluster;
    const { leader, leaderPosition, orderedChange } = after;
    await tx.update(
      ClusterEntity,
      { id: clusterId },
      {
        ...{ leader, lastLeader, leaderPosition, orderedChange, intent, lost, lostAt },
        syncStandbys: [...after.syncStandbys],
        patroniDurability: after.durability,
        patroniHistory: [...after.history],
      },
    );
    for (const name of before.members.keys())
      if (!after.members.has(name)) await tx.delete(MemberEntity, { clusterId, name });
    const members = [...after.members].filter(([name, member]) => before.members.get(name) !== member);
    if (members.length > 0)
      await tx.upsert(
        MemberEntity,
        members.map(([name, { role: actsAs, ...member }]) => ({ clusterId, name, actsAs, ...member })),
        ['clusterId', 'name'],
      );
    const names = new Set([...before.reports.keys(), ...after.reports.keys()]);
    for (const member of names) {
      const report = after.reports.get(member) ?? null;
      if (report !== (before.reports.get(member) ?? null))
        await tx.upsert(NodeReportEntity, { clusterId, member, report }, ['clusterId', 'member']);
    }
  }
}
