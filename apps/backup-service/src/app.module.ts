import { Module, type DynamicModule } from '@nestjs/common';
import { MessagingModule } from '@pgfleet/messaging';
import { ObservabilityModule } from '@pgfleet/observability';
import { OperationsModule } from '@pgfleet/operations';
import { PersistenceModule } from '@pgfleet/persistence';
import { ArchiveRecords } from './archive/archive-records';
import { ArchiveWatch } from './archive/archive-watch';
import { BackupLists } from './backups/backup-lists';
import { Backups } from './backups/backups';
import { BackupsController } from './backups/backups.controller';
import { ClusterEventsController } from './backups/cluster-events.controller';
import { DeleteBackup } from './backups/delete-backup.program';
import { FirstBackups } from './backups/first-backups';
import { ReadBackups } from './backups/read-backups.program';
import { RunBackup } from './backups/run-backup.program';
import type { Config } from './config';
import { DrillRows } from './drills/drill-rows';
import { Drills } from './drills/drills';
import { DrillsController } from './drills/drills.controller';
import { DueDrills } from './drills/due-drills';
import { RunDrill } from './drills/run-drill.program';
import { ClusterLeader } from './leader/cluster-leader';
import { databaseOptions } from './persistence/database-options';
import { DueClusters } from './policy/due-clusters';
import { DueBackups } from './policy/due-backups';
import { DueLineages } from './policy/due-lineages';
import { Policies } from './policy/policies';
import { PoliciesController } from './policy/policies.controller';
import { ScheduleLoop } from './policy/schedule-loop';
import { MakeRestorePoint } from './restore-points/make-restore-point.program';
import { RestorePointRows } from './restore-points/restore-point-rows';
import { RestorePoints } from './restore-points/restore-points';
import { RestorePointsController } from './restore-points/restore-points.controller';
import { CreateStanza } from './stanzas/create-stanza.program';
import { DeleteStanza } from './stanzas/delete-stanza.program';
import { Lineages } from './stanzas/lineages';
import { StanzaEnds } from './stanzas/stanza-ends';
import { Stanzas } from './stanzas/stanzas';
import { StanzasController } from './stanzas/stanzas.controller';
import { WalStates } from './wal/wal-states';
import { WalController } from './wal/wal.controller';
import { ArchiveChecks } from './window/archive-checks';
import { RecoveryWindows } from './window/recovery-windows';
import { RecoveryWindowsController } from './window/recovery-windows.controller';

const service = 'backup-service';

/** Manages the lineages of WAL and backups: their stanzas, their backups, and what the repository reports about them. */
@Module({})
export class AppModule {
  static with(config: Config): DynamicModule {
    const { PGFLEET_NATS_URL: servers, PGFLEET_NATS_USER: user, PGFLEET_NATS_PASSWORD: password } = config;
    const caFile = config.PGFLEET_CA_FILE;
    const programs = [
      CreateStanza,
      DeleteStanza,
      RunBackup,
      ReadBackups,
      DeleteBackup,
      MakeRestorePoint,
      RunDrill,
    ];
    return {
      module: AppModule,
      imports: [
        ObservabilityModule.forRoot({ service }),
        PersistenceModule.forRoot(databaseOptions(config.PGFLEET_DATABASE_URL, caFile)),
        MessagingModule.forRoot({ service, nats: { servers, user, password, caFile }, database: true }),
        OperationsModule.forRoot({ service, programs }),
      ],
      controllers: [
        StanzasController,
        BackupsController,
        ClusterEventsController,
        PoliciesController,
        RecoveryWindowsController,
        RestorePointsController,
        DrillsController,
        WalController,
      ],
      providers: [
        ...programs,
        ClusterLeader,
        Lineages,
        StanzaEnds,
        Stanzas,
        BackupLists,
        Backups,
        FirstBackups,
        Policies,
        DueBackups,
        DueClusters,
        DueLineages,
        ScheduleLoop,
        ArchiveRecords,
        ArchiveWatch,
        ArchiveChecks,
        RecoveryWindows,
        RestorePointRows,
        RestorePoints,
        WalStates,
        DrillRows,
        Drills,
        DueDrills,
      ],
    };
  }
}
