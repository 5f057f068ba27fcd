import type { Durability } from '@pgfleet/contracts';
import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A period in which the leader acknowledged writes alone, although the cluster's durability asks for a replica that has them, too. */
@Entity('reduced_durability')
export class ReducedDurabilityEntity {
  @PrimaryColumn('text', { name: 'cluster_id' }) clusterId!: string;
  @PrimaryColumn('timestamptz') since!: Date;
  /** null while it lasts. */
  @Column('timestamptz', { nullable: true }) until!: Date | null;
  /** What was in force in Patroni's configuration. */
  @Column('text') configured!: Durability;
  @Column('text') leader!: string;
}
