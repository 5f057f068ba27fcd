import type { LeadershipOrigin, OutageBound } from '@pgfleet/contracts';
import type { NodeReport } from '@pgfleet/patroni';
import { Column, Entity, PrimaryColumn } from 'typeorm';
import { wholeNumber } from './whole-number';

/** Who led on which timeline, since when, how the leadership began, and what that cost. */
@Entity('leaderships')
export class LeadershipEntity {
  @PrimaryColumn('text', { name: 'cluster_id' }) clusterId!: string;
  /** Grows by one with each leadership of the cluster. */
  @PrimaryColumn('int') seq!: number;
  @Column('text') leader!: string;
  /** null until the new leader is seen to write. */
  @Column('int', { nullable: true }) timeline!: number | null;
  /** null if it began while nobody was watching. */
  @Column('text', { nullable: true }) origin!: LeadershipOrigin | null;
  @Column('timestamptz') since!: Date;
  @Column('timestamptz', { nullable: true }) until!: Date | null;
  @Column('text', { nullable: true }) cause!: string | null;
  /** Where its timeline begins. */
  @Column('bigint', { name: 'promoted_at', nullable: true, transformer: wholeNumber }) promotedAt!:
    number | null;
  @Column('bigint', { name: 'outage_ms', nullable: true, transformer: wholeNumber }) outageMs!: number | null;
  /** How exact `outageMs` is; null if unknown. */
  @Column('text', { name: 'outage_bound', nullable: true }) outageBound!: OutageBound | null;
  /** What its beginning may have lost, and whether that is certain. */
  @Column('bigint', { name: 'loss_bytes', nullable: true, transformer: wholeNumber }) lossBytes!:
    number | null;
  @Column('boolean', { name: 'loss_sure', nullable: true }) lossSure!: boolean | null;
  /** What its beginning did lose, measured when the previous leader came back. */
  @Column('bigint', { name: 'lost_bytes', nullable: true, transformer: wholeNumber }) lostBytes!:
    number | null;
  @Column('bigint', { name: 'lost_transactions', nullable: true, transformer: wholeNumber })
  lostTransactions!: number | null;
  @Column('text', { name: 'operation_id', nullable: true }) operationId!: string | null;
  /** When the service learned that the leader writes. */
  @Column('timestamptz', { name: 'completed_at', nullable: true }) completedAt!: Date | null;
  /** True when nothing about its beginning is left to publish. */
  @Column('boolean') announced!: boolean;
}

/** The last report of each node's agent. */
@Entity('node_reports')
export class NodeReportEntity {
  @PrimaryColumn('text', { name: 'cluster_id' }) clusterId!: string;
  @PrimaryColumn('text') member!: string;
  /** null after the node has withdrawn it. */
  @Column('jsonb', { nullable: true }) report!: NodeReport | null;
  /** When this node's last published return happened; kept after the report is gone. */
  @Column('timestamptz', { name: 'rejoined_at', nullable: true }) rejoinedAt!: Date | null;
}

/** What a program is about to do to the leader. */
export interface LeadershipIntent {
  origin: 'switchover' | 'forced' | 'fenced' | 'restore';
  /** null for what the platform does by itself. */
  operationId: string | null;
  cause: string;
}

/** A lost leader and what was known at that moment; kept until its successor is announced. */
export interface LostLeader {
  leader: string;
  timeline: number | null;
  /** When its leadership began; ISO. */
  since: string | null;
  cause: string;
  /** Its lease ran out; the leader had renewed it until `ttl` before that. */
  leaseRanOut?: boolean;
  /** The observed cause, behind the intent of a program. */
  seenCause?: string;
  /** It handed over, so a switchover follows. Otherwise `cluster.failover.started` was published. */
  handover: boolean;
  /** The change that was under way: a program's, or one that somebody asked Patroni for directly. */
  origin: LeadershipIntent['origin'] | null;
  operationId: string | null;
  /** Its last observed WAL position. */
  position: number | null;
  /** The replicas known to have every acknowledged write. */
  safe: string[];
  /** When another node first missed it, by that node's own clock; ISO. */
  missedAt: string | null;
  /** An earlier hold of the old leader's poolers, which had already ended. It does not belong to this change. */
  earlierHold: string | null;
}
