import type { RecoveryEnd, RestoreTarget } from '@pgfleet/contracts';
import { Column, Entity, PrimaryColumn } from 'typeorm';

/** Which history of WAL and backups a cluster has written when, and what it was restored from. What is in it, backup-service knows. */
@Entity('lineages')
export class LineageEntity {
  /** pgBackRest's stanza, and the folder of the store. */
  @PrimaryColumn('text') stanza!: string;
  /** Who writes it. */
  @Column('text', { name: 'cluster_id' }) clusterId!: string;
  @Column('timestamptz') since!: Date;
  /** When its cluster left it, for another or by being deleted. */
  @Column('timestamptz', { nullable: true }) until!: Date | null;
  /** What it was restored from; null for one that began empty. */
  @Column('jsonb', { nullable: true }) origin!: LineageOrigin | null;
  /** Since when nothing is restored from it any more: it is being deleted from the store. */
  @Column('timestamptz', { name: 'released_at', nullable: true }) releasedAt!: Date | null;
  /** What it is encrypted with, sealed; null: destroyed, nothing of it can be read any more. */
  @Column('bytea', { name: 'sealed_key', nullable: true }) sealedKey!: Buffer | null;
}

/** How a restored lineage came to be. */
export interface LineageOrigin {
  stanza: string;
  clusterId: string;
  target: RestoreTarget;
  /** null while it is being restored. */
  reached: RecoveryEnd | null;
  operationId: string;
  /** Its data have a mark (files/restore/data_dirs.py). Those that an earlier release restored have none. */
  marked?: boolean;
}

/** The data of before a restore, and where they are. */
export interface SetAside {
  /** The restore, after which they are named. */
  operationId: string;
  node: string;
  /** The lineage that they belong to. */
  stanza: string;
}
