import type { HealthCheck, HealthState } from '@pgfleet/contracts';
import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A node that is probed, and how it is. */
@Entity('node')
export class NodeEntity {
  @PrimaryColumn('text', { name: 'cluster_id' }) clusterId!: string;
  @PrimaryColumn('text') name!: string;
  @Column('text') address!: string;
  @Column('text') state!: HealthState;
  /** When the state began. */
  @Column('timestamptz') since!: Date;
  /** Probes in a row that said otherwise than the state. */
  @Column('int') contrary!: number;
  @Column('timestamptz', { name: 'checked_at', nullable: true }) checkedAt!: Date | null;
  @Column('jsonb') checks!: HealthCheck[];
  /** What the customer did with SQL that keeps their role from working, as this node told last. */
  @Column('jsonb') notices!: string[];
  /** When the next probe begins. */
  @Column('timestamptz', { name: 'due_at' }) dueAt!: Date;
  /** Grows with every probe that begins: the result of an older one does not count. */
  @Column('bigint') probe!: string;
}
