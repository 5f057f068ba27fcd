import type { ClusterState } from '@pgfleet/contracts';
import { Column, CreateDateColumn, Entity, PrimaryColumn, UpdateDateColumn } from 'typeorm';

/** A WAL position fits a double up to 8 PiB; PostgreSQL's bigint arrives as text. */
const position = {
  to: (value: number | null) => value,
  from: (value: string | null) => (value === null ? null : Number(value)),
};

@Entity('clusters')
export class ClusterEntity {
  @PrimaryColumn('text') id!: string;
  @Column('text') name!: string;
  /** null once the cluster and then its owner are deleted. */
  @Column('text', { name: 'user_id', nullable: true }) userId!: string | null;
  @Column('text') description!: string;
  @Column('jsonb') labels!: Record<string, string>;
  @Column('text') state!: ClusterState;
  @Column('int') nodes!: number;
  @Column('int', { name: 'postgres_version' }) postgresVersion!: number;
  @Column('text', { name: 'database_name' }) databaseName!: string;
  @Column('text', { name: 'database_user' }) databaseUser!: string;
  /** pgBackRest's stanza: the lineage that this cluster archives to. */
  @Column('text') stanza!: string;
  /** Holder of the leader lock now; null while nobody holds it. */
  @Column('text', { nullable: true }) leader!: string | null;
  /** The last holder that was seen, so that a change is told from a lock that its holder took again. */
  @Column('text', { name: 'last_leader', nullable: true }) lastLeader!: string | null;
  @Column('bigint', { name: 'leader_position', nullable: true, transformer: position }) leaderPosition!:
    number | null;
  @Column('jsonb', { name: 'sync_standbys' }) syncStandbys!: string[];
  @CreateDateColumn({ name: 'created_at', type: 'timestamptz' }) createdAt!: Date;
  @UpdateDateColumn({ name: 'updated_at', type: 'timestamptz' }) updatedAt!: Date;
  /** Set when nothing of the cluster is left but its backups. */
  @Column('timestamptz', { name: 'deleted_at', nullable: true }) deletedAt!: Date | null;
}

@Entity('members')
export class MemberEntity {
  @PrimaryColumn('text', { name: 'cluster_id' }) clusterId!: string;
  @PrimaryColumn('text') name!: string;
  @Column('text') state!: string;
  @Column('int', { nullable: true }) timeline!: number | null;
  @Column('bigint', { name: 'wal_position', nullable: true, transformer: position }) walPosition!:
    number | null;
}

@Entity('machines')
export class MachineEntity {
  @PrimaryColumn('text') name!: string;
  @Column('text', { name: 'cluster_id' }) clusterId!: string;
  @Column('text') kind!: 'node' | 'load_balancer';
  @Column('text') address!: string;
  @Column('text', { name: 'host_key' }) hostKey!: string;
}

@Entity('secrets')
export class SecretEntity {
  @PrimaryColumn('text', { name: 'cluster_id' }) clusterId!: string;
  @PrimaryColumn('text') name!: string;
  @Column('bytea') sealed!: Buffer;
}
