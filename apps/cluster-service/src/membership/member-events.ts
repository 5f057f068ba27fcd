import { Injectable } from '@nestjs/common';
import {
  clusterMemberJoined,
  clusterMemberLeft,
  clusterMemberStateChanged,
  type MemberRole,
} from '@pgfleet/contracts';
import { Outbox } from '@pgfleet/messaging';
import type { PatroniMember } from '@pgfleet/patroni';
import type { EntityManager } from 'typeorm';
import { roleOf } from '../clusters/cluster-view';
import type { ClusterChange } from './sight';

/** Publishes which members joined, left, or changed their role, state or timeline. */
@Injectable()
export class MemberEvents {
  constructor(private readonly outbox: Outbox) {}

  async publish(tx: EntityManager, { cluster: { id }, before, after }: ClusterChange): Promise<void> {
    const data = (name: string, { state, timeline }: PatroniMember, role: MemberRole) => ({
      ...{ clusterId: id, member: name, role, state, timeline },
    });
    for (const [name, member] of before.members) {
      if (!after.members.has(name))
        await this.outbox.publish(tx, clusterMemberLeft, id, data(name, member, roleOf(before, name)));
    }
    for (const [name, member] of after.members) {
      const role = roleOf(after, name);
      const old = before.members.get(name);
      if (!old) {
        await this.outbox.publish(tx, clusterMemberJoined, id, data(name, member, role));
        continue;
      }
      const from = { fromRole: roleOf(before, name), fromState: old.state };
      if (from.fromRole !== role || old.state !== member.state || old.timeline !== member.timeline)
        await this.outbox.publish(tx, clusterMemberStateChanged, id, {
          ...data(name, member, role),
          ...from,
        });
    }
  }
}
