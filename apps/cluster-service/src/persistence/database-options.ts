import { messagingMigrations } from '@pgfleet/messaging';
import { operationsMigrations } from '@pgfleet/operations';
import type { PersistenceOptions } from '@pgfleet/persistence';
import { AddCertificates1800100000000 } from './add-certificates.migration';
import { AddFailover1796000000000 } from './add-failover.migration';
import { AddLineageKeys1799000000000 } from './add-lineage-keys.migration';
import { AddMemberReplacement1800000000030 } from './add-member-replacement.migration';
import { AddOutageBound1800000000040 } from './add-outage-bound.migration';
import { AddPendingConfiguration1800000000010 } from './add-pending-configuration.migration';
import { AddReleasedLineages1798000000000 } from './add-released-lineages.migration';
import { AddRestore1797000000000 } from './add-restore.migration';
import { AddReducedDurability1800000000020 } from './add-reduced-durability.migration';
import { AddTls1800000000014 } from './add-tls.migration';
import { CertificateEntity } from './certificate.entity';
import { ClusterEntity, MachineEntity, MemberEntity, SecretEntity } from './cluster.entity';
import { CreateClusterSchema1795000000000 } from './create-cluster-schema.migration';
import { LeadershipEntity, NodeReportEntity } from './leadership.entity';
import { LineageEntity } from './lineage.entity';
import { ReducedDurabilityEntity } from './reduced-durability.entity';
import { UserEntity } from './user.entity';

/** cluster-service's own schema. */
export const databaseOptions = (url: string, caFile: string | undefined): PersistenceOptions => ({
  url,
  ...(caFile && { caFile }),
  schema: 'cluster',
  entities: [
    UserEntity,
    ClusterEntity,
    MemberEntity,
    MachineEntity,
    SecretEntity,
    LeadershipEntity,
    NodeReportEntity,
    LineageEntity,
    ReducedDurabilityEntity,
    CertificateEntity,
  ],
  migrations: [
    ...messagingMigrations,
    ...operationsMigrations,
    CreateClusterSchema1795000000000,
    AddFailover1796000000000,
    AddRestore1797000000000,
    AddReleasedLineages1798000000000,
    AddLineageKeys1799000000000,
    AddPendingConfiguration1800000000010,
    AddTls1800000000014,
    AddReducedDurability1800000000020,
    AddCertificates1800100000000,
    AddMemberReplacement1800000000030,
    AddOutageBound1800000000040,
  ],
});
