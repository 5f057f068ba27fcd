import type { Durability } from '@pgfleet/contracts';
import { Column, Entity, PrimaryColumn } from 'typeorm';

/**
 * A period in which the leader acknowledged writes without a replica, although the cluster's durability requires one to have
 * them.
 */
@Entity('reduced_durability')
export class ReducedDurabilityEntity {
  @PrimaryColumn('text', { name: 'cluster_id' }) clusterId!: string;
  @PrimaryColumn('timestamptz') since!: Date;
  /** null while it lasts. */
  @Column('timestamptz', { nullable: true }) until!: Date | null;
  /** The durability in Patroni's configuration during the period. */
  @Column('text') configured!: Durability;
  @Column('text') leader!: string;
}
