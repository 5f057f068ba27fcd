import { Module, type DynamicModule } from '@nestjs/common';
import { MessagingModule } from '@pgfleet/messaging';
import { ObservabilityModule } from '@pgfleet/observability';
import { OperationsModule } from '@pgfleet/operations';
import { PersistenceModule } from '@pgfleet/persistence';
import { BackupLists } from './backups/backup-lists';
import { BackupsController } from './backups/backups.controller';
import { ClusterEventsController } from './backups/cluster-events.controller';
import { ReadBackups } from './backups/read-backups.program';
import { RunBackup } from './backups/run-backup.program';
import type { Config } from './config';
import { ClusterLeader } from './leader/cluster-leader';
import { databaseOptions } from './persistence/database-options';
import { CreateStanza } from './stanzas/create-stanza.program';
import { DeleteStanza } from './stanzas/delete-stanza.program';
import { StanzaEnds } from './stanzas/stanza-ends';
import { Stanzas } from './stanzas/stanzas';
import { StanzasController } from './stanzas/stanzas.controller';

const service = 'backup-service';

/** Lineages of WAL and backups: their stanzas, the backups, and what the store says of them. */
@Module({})
export class AppModule {
  static with(config: Config): DynamicModule {
    const { PGFLEET_NATS_URL: servers, PGFLEET_NATS_USER: user, PGFLEET_NATS_PASSWORD: password } = config;
    const caFile = config.PGFLEET_CA_FILE;
    const programs = [CreateStanza, DeleteStanza, RunBackup, ReadBackups];
    return {
      module: AppModule,
      imports: [
        ObservabilityModule.forRoot({ service }),
        PersistenceModule.forRoot(databaseOptions(config.PGFLEET_DATABASE_URL, caFile)),
        MessagingModule.forRoot({ service, nats: { servers, user, password, caFile }, database: true }),
        OperationsModule.forRoot({ service, programs }),
      ],
      controllers: [StanzasController, BackupsController, ClusterEventsController],
      providers: [...programs, ClusterLeader, StanzaEnds, Stanzas, BackupLists],
    };
  }
}
