import { messagingMigrations } from '@pgfleet/messaging';
import { operationsMigrations } from '@pgfleet/operations';
import type { PersistenceOptions } from '@pgfleet/persistence';
import { AddBackupOrigin1798000000000 } from './add-backup-origin.migration';
import { AddDrills1799000000000 } from './add-drills.migration';
import { AddEnteredLineages1797000000000 } from './add-entered-lineages.migration';
import { AddLineageExpiry1800000000000 } from './add-lineage-expiry.migration';
import { AddQuietCommits1801000000000 } from './add-quiet-commits.migration';
import { AddRecoveryWindow1796000000000 } from './add-recovery-window.migration';
import { BackupPolicyEntity } from './backup-policy.entity';
import { CreateBackupSchema1795000000000 } from './create-backup-schema.migration';
import { StanzaEntity } from './stanza.entity';
import { StanzaRequestEntity } from './stanza-request.entity';

export const databaseOptions = (url: string, caFile: string | undefined): PersistenceOptions => ({
  url,
  ...(caFile && { caFile }),
  schema: 'backup',
  entities: [StanzaEntity, StanzaRequestEntity, BackupPolicyEntity],
  migrations: [
    ...messagingMigrations,
    ...operationsMigrations,
    CreateBackupSchema1795000000000,
    AddRecoveryWindow1796000000000,
    AddEnteredLineages1797000000000,
    AddBackupOrigin1798000000000,
    AddDrills1799000000000,
    AddLineageExpiry1800000000000,
    AddQuietCommits1801000000000,
  ],
});
