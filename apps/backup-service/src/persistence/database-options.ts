import { messagingMigrations } from '@pgfleet/messaging';
import { operationsMigrations } from '@pgfleet/operations';
import type { PersistenceOptions } from '@pgfleet/persistence';
import { CreateBackupSchema1795000000000 } from './create-backup-schema.migration';
import { StanzaEntity } from './stanza.entity';
import { StanzaRequestEntity } from './stanza-request.entity';

/** backup-service's own schema. */
export const databaseOptions = (url: string, caFile: string | undefined): PersistenceOptions => ({
  url,
  ...(caFile && { caFile }),
  schema: 'backup',
  entities: [StanzaEntity, StanzaRequestEntity],
  migrations: [...messagingMigrations, ...operationsMigrations, CreateBackupSchema1795000000000],
});
