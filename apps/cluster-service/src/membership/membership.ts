import { Injectable } from '@nestjs/common';
import {
  clusterLeaderChanged,
  clusterMemberJoined,
  clusterMemberLeft,
  clusterMemberStateChanged,
  type MemberRole,
} from '@pgfleet/contracts';
import { Outbox } from '@pgfleet/messaging';
import { Operations } from '@pgfleet/operations';
import type { KeyChange, WatchSink } from '@pgfleet/patroni';
import { DataSource, In, IsNull, type EntityManager } from 'typeorm';
import { ClusterStates } from '../clusters/cluster-state';
import { isWhole, roleOf } from '../clusters/cluster-view';
import { ClusterEntity, MemberEntity } from '../persistence/cluster.entity';
import { advance, lockPosition } from './watch-position';

/** The signal that a waiting creation gets when its cluster is whole. */
export const membersWhole = 'members.whole';

interface MemberSight {
  role: MemberRole;
  member: MemberEntity;
}

/**
 * Keeps members, roles, timelines and lag as Patroni tells them through etcd, and says every change once. The revision, the rows and
 * the events are written in one transaction under the lock of the position's row: with two replicas of this service, or after a
 * crash at any point, a revision is taken in exactly once.
 */
@Injectable()
export class Membership implements WatchSink {
  constructor(
    private readonly database: DataSource,
    private readonly outbox: Outbox,
    private readonly operations: Operations,
    private readonly states: ClusterStates,
  ) {}

  async position(): Promise<bigint | null> {
    const [row] = await this.database.query<{ revision: string | null }[]>(
      'select revision from watch_position',
    );
    return row?.revision == null ? null : BigInt(row.revision);
  }

  changes(changes: KeyChange[], revision: bigint): Promise<void> {
    return this.database.transaction(async (tx) => {
      const position = await lockPosition(tx);
      if (position !== null && revision <= position) return;
      await this.apply(tx, changes, revision, new Set(changes.map(({ scope }) => scope)));
      await advance(tx, revision);
    });
  }

  snapshot(keys: KeyChange[], revision: bigint): Promise<void> {
    return this.database.transaction(async (tx) => {
      await lockPosition(tx);
      const clusters = await tx.findBy(ClusterEntity, { deletedAt: IsNull() });
      const members = await tx.findBy(MemberEntity, { clusterId: In(clusters.map(({ id }) => id)) });
      const present = new Set(keys.map(({ scope, path }) => `${scope}/${path}`));
      const gone = [
        ...members.map(({ clusterId, name }) => ({ scope: clusterId, path: `members/${name}` })),
        ...clusters.flatMap(({ id: scope }) => [
          { scope, path: 'leader' },
          { scope, path: 'sync' },
        ]),
      ].filter(({ scope, path }) => !present.has(`${scope}/${path}`));
      const changes = [...gone.map((key) => ({ ...key, value: null })), ...keys];
      await this.apply(tx, changes, revision, new Set(clusters.map(({ id }) => id)));
      await advance(tx, revision);
    });
  }

  private async apply(
    tx: EntityManager,
    changes: KeyChange[],
    revision: bigint,
    scopes: Set<string>,
  ): Promise<void> {
    await this.operations.lockActive(tx, [...scopes]);
    const clusters = await tx.find(ClusterEntity, {
      where: { id: In([...scopes]), deletedAt: IsNull() },
      order: { id: 'ASC' },
      lock: { mode: 'pessimistic_write' },
    });
    for (const cluster of clusters) {
      await this.applyTo(
        tx,
        cluster,
        changes.filter(({ scope }) => scope === cluster.id),
        revision,
      );
    }
  }

  private async applyTo(
    tx: EntityManager,
    cluster: ClusterEntity,
    changes: KeyChange[],
    revision: bigint,
  ): Promise<void> {
    const members = new Map(
      (await tx.findBy(MemberEntity, { clusterId: cluster.id })).map((member) => [member.name, member]),
    );
    const before = new Map<string, MemberSight>(
      [...members.values()].map((member) => [
        member.name,
        { role: roleOf(cluster, member.name), member: { ...member } },
      ]),
    );
    const lastLeader = cluster.lastLeader;
    for (const change of changes) this.take(cluster, members, change);

    const { id, leader, leaderPosition, syncStandbys } = cluster;
    await tx.update(
      ClusterEntity,
      { id },
      { leader, lastLeader: cluster.lastLeader, leaderPosition, syncStandbys },
    );
    for (const name of before.keys())
      if (!members.has(name)) await tx.delete(MemberEntity, { clusterId: id, name });
    if (members.size > 0) await tx.upsert(MemberEntity, [...members.values()], ['clusterId', 'name']);

    if (leader !== null && leader !== lastLeader) {
      const timeline = members.get(leader)?.timeline ?? null;
      const data = { clusterId: id, from: lastLeader, to: leader, timeline, etcdRevision: String(revision) };
      await this.outbox.publish(tx, clusterLeaderChanged, id, data);
    }
    await this.publishMembers(tx, cluster, before, members);
    await this.follow(tx, cluster, [...members.values()]);
  }

  private take(cluster: ClusterEntity, members: Map<string, MemberEntity>, { path, value }: KeyChange): void {
    if (path.startsWith('members/')) {
      const name = path.slice('members/'.length);
      if (value === null) members.delete(name);
      else if (value.kind === 'member') members.set(name, { clusterId: cluster.id, name, ...value.member });
      return;
    }
    if (path === 'leader') {
      cluster.leader = value?.kind === 'leader' ? value.holder : null;
      cluster.lastLeader = cluster.leader ?? cluster.lastLeader;
    }
    if (path === 'status' && value?.kind === 'status')
      cluster.leaderPosition = value.leaderPosition ?? cluster.leaderPosition;
    if (path === 'sync') cluster.syncStandbys = value?.kind === 'sync' ? value.standbys : [];
  }

  private async publishMembers(
    tx: EntityManager,
    cluster: ClusterEntity,
    before: Map<string, MemberSight>,
    members: Map<string, MemberEntity>,
  ): Promise<void> {
    const data = (member: MemberEntity, role: MemberRole) => ({
      clusterId: cluster.id,
      member: member.name,
      role,
      state: member.state,
      timeline: member.timeline,
    });
    for (const { member, role } of before.values()) {
      if (!members.has(member.name))
        await this.outbox.publish(tx, clusterMemberLeft, cluster.id, data(member, role));
    }
    for (const member of members.values()) {
      const role = roleOf(cluster, member.name);
      const old = before.get(member.name);
      if (!old) {
        await this.outbox.publish(tx, clusterMemberJoined, cluster.id, data(member, role));
      } else if (
        old.role !== role ||
        old.member.state !== member.state ||
        old.member.timeline !== member.timeline
      ) {
        const from = { fromRole: old.role, fromState: old.member.state };
        await this.outbox.publish(tx, clusterMemberStateChanged, cluster.id, {
          ...data(member, role),
          ...from,
        });
      }
    }
  }

  /** The cluster's own state follows its members, once it has been created; a creation that waits for them is told. */
  private async follow(tx: EntityManager, cluster: ClusterEntity, members: MemberEntity[]): Promise<void> {
    const whole = isWhole(cluster, members);
    if (cluster.state === 'ready' && !whole) {
      const streaming = members.filter(({ state }) => state === 'running' || state === 'streaming').length;
      const leader = cluster.leader ? `${cluster.leader} leads` : 'no member leads';
      await this.states.change(
        tx,
        cluster,
        'degraded',
        `${leader}, ${streaming} of ${cluster.nodes} members serve`,
      );
    } else if (cluster.state === 'degraded' && whole) {
      await this.states.change(tx, cluster, 'ready', 'all members serve again');
    } else if (cluster.state === 'creating' && whole) {
      const operation = (await this.operations.active(tx, [cluster.id])).get(cluster.id);
      if (operation) await this.operations.signal(tx, operation, membersWhole, {});
    }
  }
}
