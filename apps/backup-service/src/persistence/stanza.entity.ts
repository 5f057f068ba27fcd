import type { BackupList } from '@pgfleet/contracts';
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
  @Column('timestamptz', { name: 'cluster_deleted_at', nullable: true }) clusterDeletedAt!: Date | null;
  @CreateDateColumn({ name: 'created_at', type: 'timestamptz' }) createdAt!: Date;
  @UpdateDateColumn({ name: 'updated_at', type: 'timestamptz' }) updatedAt!: Date;
}
