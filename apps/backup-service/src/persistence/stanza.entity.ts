import type { BackupList } from '@pgfleet/contracts';
import type { ArchiveRun } from '@pgfleet/pgbackrest';
import { Column, CreateDateColumn, Entity, PrimaryColumn, UpdateDateColumn } from 'typeorm';

export type StanzaState = 'creating' | 'ready' | 'failed' | 'deleting' | 'deleted';

/** A lineage: an unbroken history of WAL and backups in the repository. It outlives the cluster that writes it. */
@Entity('stanza')
export class StanzaEntity {
  @PrimaryColumn('text') name!: string;
  @Column('text', { name: 'cluster_id' }) clusterId!: string;
  @Column('text') state!: StanzaState;
  /** The first full backup of the lineage; null until the cluster is ready. */
  @Column('text', { name: 'first_backup', nullable: true }) firstBackup!: string | null;
  /** What pgBackRest last reported about the repository; null until it has been asked. */
  @Column('jsonb', { nullable: true }) backups!: BackupList | null;
  /** The operation that reads the repository now, or was the last to do so. */
  @Column('text', { nullable: true }) reading!: string | null;
  /** The WAL segments in the repository at the last complete listing; null before the first. */
  @Column('jsonb', { name: 'archive_runs', nullable: true }) archiveRuns!: ArchiveRun[] | null;
  @Column('timestamptz', { name: 'archive_checked_at', nullable: true }) archiveCheckedAt!: Date | null;
  @Column('timestamptz', { name: 'cluster_deleted_at', nullable: true }) clusterDeletedAt!: Date | null;
  /** Since when the cluster has been writing this lineage. The lineage that a cluster entered last is its current one. */
  @Column('timestamptz', { name: 'entered_at', default: () => 'now()' }) enteredAt!: Date;
  /** When to check whether to keep the lineage any longer; null while its cluster writes it, and once it is gone. */
  @Column('timestamptz', { name: 'expiry_due_at', nullable: true }) expiryDueAt!: Date | null;
  /** Since when it can no longer be restored, because its retention was over. */
  @Column('timestamptz', { name: 'expired_at', nullable: true }) expiredAt!: Date | null;
  @CreateDateColumn({ name: 'created_at', type: 'timestamptz' }) createdAt!: Date;
  @UpdateDateColumn({ name: 'updated_at', type: 'timestamptz' }) updatedAt!: Date;
}
