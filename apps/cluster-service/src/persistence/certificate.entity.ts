import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A certificate as a service served it when it was last looked at. */
@Entity('certificates')
export class CertificateEntity {
  @PrimaryColumn('text') machine!: string;
  @PrimaryColumn('text') service!: string;
  /** null for those of the platform. */
  @Column('text', { name: 'cluster_id', nullable: true }) clusterId!: string | null;
  @Column('timestamptz', { name: 'not_before' }) notBefore!: Date;
  @Column('timestamptz', { name: 'not_after' }) notAfter!: Date;
  @Column('timestamptz', { name: 'seen_at' }) seenAt!: Date;
  /** When it was said that it is expiring; null while it is not. */
  @Column('timestamptz', { name: 'warned_at', nullable: true }) warnedAt!: Date | null;
}
