import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A certificate as a service served it at the last check. */
@Entity('certificates')
export class CertificateEntity {
  @PrimaryColumn('text') machine!: string;
  @PrimaryColumn('text') service!: string;
  /** null for the platform's certificates. */
  @Column('text', { name: 'cluster_id', nullable: true }) clusterId!: string | null;
  @Column('timestamptz', { name: 'not_before' }) notBefore!: Date;
  @Column('timestamptz', { name: 'not_after' }) notAfter!: Date;
  @Column('timestamptz', { name: 'seen_at' }) seenAt!: Date;
  /** When its expiry was published; null while it is not expiring. */
  @Column('timestamptz', { name: 'warned_at', nullable: true }) warnedAt!: Date | null;
}
