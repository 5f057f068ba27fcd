import { messagingMigrations } from '@pgfleet/messaging';
import { operationsMigrations } from '@pgfleet/operations';
import type { PersistenceOptions } from '@pgfleet/persistence';
import { ClusterEntity, MachineEntity, MemberEntity, SecretEntity } from './cluster.entity';
import { CreateClusterSchema1795000000000 } from './create-cluster-schema.migration';
import { UserEntity } from './user.entity';

/** cluster-service's own schema. */
export const databaseOptions = (url: string, caFile: string | undefined): PersistenceOptions => ({
  url,
  ...(caFile && { caFile }),
  schema: 'cluster',
  entities: [UserEntity, ClusterEntity, MemberEntity, MachineEntity, SecretEntity],
  migrations: [...messagingMigrations, ...operationsMigrations, CreateClusterSchema1795000000000],
});
