import type { HealthCheck, HealthState } from '@pgfleet/contracts';
import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A probed node and its health. */
@Entity('node')
export class NodeEntity {
  @PrimaryColumn('text', { name: 'cluster_id' }) clusterId!: string;
  @PrimaryColumn('text') name!: string;
  @Column('text') address!: string;
  @Column('text') state!: HealthState;
  /** Since when the node has had this state. */
  @Column('timestamptz') since!: Date;
  /** How many probes in a row contradicted the state. */
  @Column('int') contrary!: number;
  @Column('timestamptz', { name: 'checked_at', nullable: true }) checkedAt!: Date | null;
  @Column('jsonb') checks!: HealthCheck[];
  /** The customer's SQL changes that keep their role from working, as this node last reported them. */
  @Column('jsonb') notices!: string[];
  /** When the next probe is due. */
  @Column('timestamptz', { name: 'due_at' }) dueAt!: Date;
  /** Grows with every probe that starts, so that the result of an older probe is ignored. */
  @Column('bigint') probe!: string;
}
