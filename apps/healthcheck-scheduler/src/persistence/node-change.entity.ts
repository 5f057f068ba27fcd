import type { HealthState } from '@pgfleet/contracts';
import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A node's health changed; the newest of each node are kept. */
@Entity('node_change')
export class NodeChangeEntity {
  @PrimaryColumn('bigint', { generated: 'identity' }) id!: string;
  @Column('text', { name: 'cluster_id' }) clusterId!: string;
  @Column('text') node!: string;
  @Column('text') state!: HealthState;
  @Column('timestamptz') at!: Date;
  @Column('text') reason!: string;
}
