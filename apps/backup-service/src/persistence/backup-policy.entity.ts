import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { StoredPolicy } from '../policy/default-policy';

/** When backups of a cluster are made, and how far that was followed. */
@Entity('backup_policy')
export class BackupPolicyEntity {
  @PrimaryColumn('text', { name: 'cluster_id' }) clusterId!: string;
  @Column('jsonb') policy!: StoredPolicy;
  /** Whatever came due until then was decided. */
  @Column('timestamptz', { name: 'looked_until' }) lookedUntil!: Date;
  /** What kept the last due one from beginning: an operation, or the state that the cluster was in; null when nothing does. */
  @Column('text', { name: 'held_up_by', nullable: true }) heldUpBy!: string | null;
  /** When it is to be looked what is due: at the first time after that, or soon while it is held up; null: never. */
  @Column('timestamptz', { name: 'due_at', nullable: true }) dueAt!: Date | null;
  /** When it is to be looked whether to begin a drill; null: never. */
  @Column('timestamptz', { name: 'drill_due_at', nullable: true }) drillDueAt!: Date | null;
}
