import type { BackupList } from '@pgfleet/contracts';
import type { ArchiveRun } from '@pgfleet/pgbackrest';
import { Column, CreateDateColumn, Entity, PrimaryColumn, UpdateDateColumn } from 'typeorm';

export type StanzaState = 'creating' | 'ready' | 'failed' | 'deleting' | 'deleted';

/** A lineage: one unbroken history of WAL and backups in the store. It outlives the cluster that writes it. */
@Entity('stanza')
export class StanzaEntity {
  @PrimaryColumn('text') name!: string;
  @Column('text', { name: 'cluster_id' }) clusterId!: string;
  @Column('text') state!: StanzaState;
  /** The first full backup of the lineage; null until the cluster is ready. */
  @Column('text', { name: 'first_backup', nullable: true }) firstBackup!: string | null;
  /** What pgBackRest last said of the store; null until it was asked. */
  @Column('jsonb', { nullable: true }) backups!: BackupList | null;
  /** The operation that asks pgBackRest now, or was the last to. */
  @Column('text', { nullable: true }) reading!: string | null;
  /** Which WAL segments the store had when every one was last looked for; null until that was done. */
  @Column('jsonb', { name: 'archive_runs', nullable: true }) archiveRuns!: ArchiveRun[] | null;
  @Column('timestamptz', { name: 'archive_checked_at', nullable: true }) archiveCheckedAt!: Date | null;
  @Column('timestamptz', { name: 'cluster_deleted_at', nullable: true }) clusterDeletedAt!: Date | null;
  /** Since when the cluster writes it, the last time; of the lineages of a cluster the last that was entered is the current one. */
  @Column('timestamptz', { name: 'entered_at', default: () => 'now()' }) enteredAt!: Date;
  /** When it is to be looked whether it is kept any longer; null: while its cluster writes it, and when it is gone. */
  @Column('timestamptz', { name: 'expiry_due_at', nullable: true }) expiryDueAt!: Date | null;
  /** Since when nothing can be restored from it any more, because its time was over. */
  @Column('timestamptz', { name: 'expired_at', nullable: true }) expiredAt!: Date | null;
  @CreateDateColumn({ name: 'created_at', type: 'timestamptz' }) createdAt!: Date;
  @UpdateDateColumn({ name: 'updated_at', type: 'timestamptz' }) updatedAt!: Date;
}
