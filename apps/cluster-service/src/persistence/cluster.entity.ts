import type { ClusterState, Durability, FailoverProfile, Tls } from '@pgfleet/contracts';
import type { EndedTimeline, OrderedChange } from '@pgfleet/patroni';
import { Column, CreateDateColumn, Entity, PrimaryColumn, UpdateDateColumn } from 'typeorm';
import type { LeadershipIntent, LostLeader } from './leadership.entity';
import type { SetAside } from './lineage.entity';
import { wholeNumber } from './whole-number';

@Entity('clusters')
export class ClusterEntity {
  @PrimaryColumn('text') id!: string;
  @Column('text') name!: string;
  /** null after the cluster and then its owner were deleted. */
  @Column('text', { name: 'user_id', nullable: true }) userId!: string | null;
  @Column('text') description!: string;
  @Column('jsonb') labels!: Record<string, string>;
  @Column('text') state!: ClusterState;
  @Column('int') nodes!: number;
  /** The highest node number that the cluster has had; null while it has only its original nodes. No number is used twice. */
  @Column('int', { name: 'last_node', nullable: true }) lastNode!: number | null;
  @Column('int', { name: 'postgres_version' }) postgresVersion!: number;
  @Column('text', { name: 'database_name' }) databaseName!: string;
  @Column('text', { name: 'database_user' }) databaseUser!: string;
  /** pgBackRest's stanza: the lineage that this cluster archives to. */
  @Column('text') stanza!: string;
  /** The current holder of the leader lock; null while nobody holds it. */
  @Column('text', { nullable: true }) leader!: string | null;
  /** The last observed holder. It distinguishes a new leader from one that took its own lock again. */
  @Column('text', { name: 'last_leader', nullable: true }) lastLeader!: string | null;
  @Column('bigint', { name: 'leader_position', nullable: true, transformer: wholeNumber }) leaderPosition!:
    number | null;
  @Column('jsonb', { name: 'sync_standbys' }) syncStandbys!: string[];
  /** The requested failover settings, which the machines may not have yet. */
  @Column('text') profile!: FailoverProfile;
  @Column('text') durability!: Durability;
  @Column('boolean') fencing!: boolean;
  @Column('text') tls!: Tls;
  /** The durability that Patroni's configuration in etcd sets; null until it was read. */
  @Column('text', { name: 'patroni_durability', nullable: true }) patroniDurability!: Durability | null;
  /** What a program is about to do to the leader; see LeadershipIntents. */
  @Column('jsonb', { nullable: true }) intent!: LeadershipIntent | null;
  /** What somebody has asked Patroni for directly. */
  @Column('jsonb', { name: 'ordered_change', nullable: true }) orderedChange!: OrderedChange | null;
  /** Patroni's own history of timelines, oldest first. */
  @Column('jsonb', { name: 'patroni_history', nullable: true }) patroniHistory!: EndedTimeline[] | null;
  /** Since when the cluster has been `degraded`. */
  @Column('timestamptz', { name: 'degraded_at', nullable: true }) degradedAt!: Date | null;
  /** Since when no member is seen to take writes as the leader; null while one does. */
  @Column('timestamptz', { name: 'lost_at', nullable: true }) lostAt!: Date | null;
  /** The leader that was lost, until its successor is announced. */
  @Column('jsonb', { nullable: true }) lost!: LostLeader | null;
  /** The way back from the last restore, until it is confirmed or undone. */
  @Column('jsonb', { name: 'set_aside', nullable: true }) setAside!: SetAside | null;
  @CreateDateColumn({ name: 'created_at', type: 'timestamptz' }) createdAt!: Date;
  @UpdateDateColumn({ name: 'updated_at', type: 'timestamptz' }) updatedAt!: Date;
  /** Set when only the cluster's backups are left. */
  @Column('timestamptz', { name: 'deleted_at', nullable: true }) deletedAt!: Date | null;
}

@Entity('members')
export class MemberEntity {
  @PrimaryColumn('text', { name: 'cluster_id' }) clusterId!: string;
  @PrimaryColumn('text') name!: string;
  @Column('text') state!: string;
  /** The role in which Patroni runs its PostgreSQL: leader, replica, demoted …; it may differ from the holder of the lock. */
  @Column('text', { name: 'acts_as', nullable: true }) actsAs!: string | null;
  @Column('int', { nullable: true }) timeline!: number | null;
  @Column('bigint', { name: 'wal_position', nullable: true, transformer: wholeNumber }) walPosition!:
    number | null;
}

@Entity('machines')
export class MachineEntity {
  @PrimaryColumn('text') name!: string;
  @Column('text', { name: 'cluster_id' }) clusterId!: string;
  @Column('text') kind!: 'node' | 'load_balancer';
  @Column('text') address!: string;
  @Column('text', { name: 'host_key' }) hostKey!: string;
  /** The etcd user of this node alone; null for the user that the nodes of an older cluster share. */
  @Column('text', { name: 'etcd_user', nullable: true }) etcdUser!: string | null;
  /** The member that it is about to replace; null afterwards. */
  @Column('text', { nullable: true }) replaces!: string | null;
  /** Since when the machine has lacked a change that the others have, because it was down. It is configured when it returns. */
  @Column('timestamptz', { name: 'pending_since', nullable: true }) pendingSince!: Date | null;
  /** How often its configuration failed after its return, and when the next attempt is due. */
  @Column('int', { name: 'pending_failures', default: 0 }) pendingFailures!: number;
  @Column('timestamptz', { name: 'pending_retry_at', nullable: true }) pendingRetryAt!: Date | null;
}

@Entity('secrets')
export class SecretEntity {
  @PrimaryColumn('text', { name: 'cluster_id' }) clusterId!: string;
  @PrimaryColumn('text') name!: string;
  @Column('bytea') sealed!: Buffer;
}
