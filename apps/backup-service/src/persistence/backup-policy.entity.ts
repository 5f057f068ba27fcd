import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { StoredPolicy } from '../policy/default-policy';

/** When a cluster is backed up, and how far the schedule has been followed. */
@Entity('backup_policy')
export class BackupPolicyEntity {
  @PrimaryColumn('text', { name: 'cluster_id' }) clusterId!: string;
  @Column('jsonb') policy!: StoredPolicy;
  /** Every scheduled time up to here has been decided. */
  @Column('timestamptz', { name: 'looked_until' }) lookedUntil!: Date;
  /** What blocked the last due backup: an operation, or the cluster's state; null when nothing does. */
  @Column('text', { name: 'held_up_by', nullable: true }) heldUpBy!: string | null;
  /** When to check for due backups: the next scheduled time, or soon while one is blocked; null: never. */
  @Column('timestamptz', { name: 'due_at', nullable: true }) dueAt!: Date | null;
  /** When to check whether a drill is due; null: never. */
  @Column('timestamptz', { name: 'drill_due_at', nullable: true }) drillDueAt!: Date | null;
}
