import type { HealthState } from '@pgfleet/contracts';
import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A change of a node's health. Only the newest changes of each node are kept. */
@Entity('node_change')
export class NodeChangeEntity {
  @PrimaryColumn('bigint', { generated: 'identity' }) id!: string;
  @Column('text', { name: 'cluster_id' }) clusterId!: string;
  @Column('text') node!: string;
  @Column('text') state!: HealthState;
  @Column('timestamptz') at!: Date;
  @Column('text') reason!: string;
}
