import type { RecoveryEnd, RestoreTarget } from '@pgfleet/contracts';
import { Column, Entity, PrimaryColumn } from 'typeorm';

/** Which history of WAL and backups a cluster wrote when, and what it was restored from. backup-service knows its contents. */
@Entity('lineages')
export class LineageEntity {
  /** pgBackRest's stanza, and the folder in the repository. */
  @PrimaryColumn('text') stanza!: string;
  /** The cluster that writes it. */
  @Column('text', { name: 'cluster_id' }) clusterId!: string;
  @Column('timestamptz') since!: Date;
  /** When its cluster left it, for another lineage or because the cluster was deleted. */
  @Column('timestamptz', { nullable: true }) until!: Date | null;
  /** What it was restored from; null if it began empty. */
  @Column('jsonb', { nullable: true }) origin!: LineageOrigin | null;
  /** Since when nothing is restored from it any more: it is being deleted from the repository. */
  @Column('timestamptz', { name: 'released_at', nullable: true }) releasedAt!: Date | null;
  /** The sealed key that it is encrypted with; null if destroyed: nothing in it can be read any more. */
  @Column('bytea', { name: 'sealed_key', nullable: true }) sealedKey!: Buffer | null;
}

/** How a restored lineage began. */
export interface LineageOrigin {
  stanza: string;
  clusterId: string;
  target: RestoreTarget;
  /** null while it is being restored. */
  reached: RecoveryEnd | null;
  operationId: string;
  /** Its data carry a mark (files/restore/data_dirs.py). Data restored by an earlier release carry none. */
  marked?: boolean;
}

/** The data from before a restore, and where they are. */
export interface SetAside {
  /** The restore that the data are named after. */
  operationId: string;
  node: string;
  /** The lineage that the data belong to. */
  stanza: string;
}
