import type { LeadershipOrigin, OutageBound } from '@pgfleet/contracts';
import type { NodeReport } from '@pgfleet/patroni';
import { Column, Entity, PrimaryColumn } from 'typeorm';
import { wholeNumber } from './whole-number';

/** Who led on which timeline, since when, how that began and what it cost. */
@Entity('leaderships')
export class LeadershipEntity {
  @PrimaryColumn('text', { name: 'cluster_id' }) clusterId!: string;
  /** Grows by one with every leadership of the cluster. */
  @PrimaryColumn('int') seq!: number;
  @Column('text') leader!: string;
  /** null until the new leader is seen to write. */
  @Column('int', { nullable: true }) timeline!: number | null;
  /** null: it began while nobody was watching. */
  @Column('text', { nullable: true }) origin!: LeadershipOrigin | null;
  @Column('timestamptz') since!: Date;
  @Column('timestamptz', { nullable: true }) until!: Date | null;
  @Column('text', { nullable: true }) cause!: string | null;
  /** Where its timeline begins. */
  @Column('bigint', { name: 'promoted_at', nullable: true, transformer: wholeNumber }) promotedAt!:
    number | null;
  @Column('bigint', { name: 'outage_ms', nullable: true, transformer: wholeNumber }) outageMs!: number | null;
  /** How exact `outageMs` is; null: not known. */
  @Column('text', { name: 'outage_bound', nullable: true }) outageBound!: OutageBound | null;
  /** What its beginning may have lost, and whether that is certain. */
  @Column('bigint', { name: 'loss_bytes', nullable: true, transformer: wholeNumber }) lossBytes!:
    number | null;
  @Column('boolean', { name: 'loss_sure', nullable: true }) lossSure!: boolean | null;
  /** What its beginning was found to have lost, when the leader before it came back. */
  @Column('bigint', { name: 'lost_bytes', nullable: true, transformer: wholeNumber }) lostBytes!:
    number | null;
  @Column('bigint', { name: 'lost_transactions', nullable: true, transformer: wholeNumber })
  lostTransactions!: number | null;
  @Column('text', { name: 'operation_id', nullable: true }) operationId!: string | null;
  /** When it was taken in that the leader writes. */
  @Column('timestamptz', { name: 'completed_at', nullable: true }) completedAt!: Date | null;
  /** Nothing is to be said of its beginning any more. */
  @Column('boolean') announced!: boolean;
}

/** The last that each node's agent has said of itself. */
@Entity('node_reports')
export class NodeReportEntity {
  @PrimaryColumn('text', { name: 'cluster_id' }) clusterId!: string;
  @PrimaryColumn('text') member!: string;
  /** null when the node has taken it back. */
  @Column('jsonb', { nullable: true }) report!: NodeReport | null;
  /** Of the last return of this node that was told; kept when the report goes. */
  @Column('timestamptz', { name: 'rejoined_at', nullable: true }) rejoinedAt!: Date | null;
}

/** What a program is about to do to the leader. */
export interface LeadershipIntent {
  origin: 'switchover' | 'forced' | 'fenced' | 'restore';
  /** null for what the platform does by itself. */
  operationId: string | null;
  cause: string;
}

/** A leader that is not there any more, and what was known at that moment, until its successor is announced. */
export interface LostLeader {
  leader: string;
  timeline: number | null;
  /** When its leadership began; ISO. */
  since: string | null;
  cause: string;
  /** Its lease ran out; it was renewed until `ttl` before that. */
  leaseRanOut?: boolean;
  /** The cause as it was seen, beneath what a program was about to do. */
  seenCause?: string;
  /** It handed over: what follows is a switchover. If not, `cluster.failover.started` was published. */
  handover: boolean;
  /** What was under way: a program's, or somebody's own word to Patroni. */
  origin: LeadershipIntent['origin'] | null;
  operationId: string | null;
  /** The last WAL position that was seen of it. */
  position: number | null;
  /** The replicas that are known to have had every acknowledged write. */
  safe: string[];
  /** The first that any other node missed it, by the node's own clock; ISO. */
  missedAt: string | null;
  /** The hold of the old leader's poolers that had ended before: it is not of this change. */
  earlierHold: string | null;
}
