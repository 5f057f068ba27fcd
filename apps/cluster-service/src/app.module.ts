import { Module } from '@nestjs/common';
import { MessagingModule } from '@pgfleet/messaging';
import { ObservabilityModule } from '@pgfleet/observability';
import { OperationsModule } from '@pgfleet/operations';
import { PersistenceModule } from '@pgfleet/persistence';
import { CertificateWatch } from './certificates/certificate-watch';
import { Certificates } from './certificates/certificates';
import { EtcdAlarmWatch } from './etcd/etcd-alarm-watch';
import { ClusterRows } from './clusters/cluster-rows';
import { ClusterMetrics } from './clusters/cluster-metrics';
import { ClusterStates } from './clusters/cluster-state';
import { Clusters } from './clusters/clusters';
import { ClustersController } from './clusters/clusters.controller';
import { ClusterTopology } from './clusters/topology';
import { WalSights } from './clusters/wal-sights';
import { CONFIG, type Config } from './config';
import { ClusterKeys } from './etcd/cluster-keys';
import { CONNECT_ETCD, ETCD, connectEtcd } from './etcd/etcd-connection';
import { LeadershipIntents } from './failover/leadership-intents';
import { ClusterControl } from './failover/cluster-control';
import { Failovers } from './failover/failovers';
import { FencedFailoverWatch } from './failover/fenced-failover-watch';
import { Replacements } from './failover/replacements';
import { Switchovers } from './failover/switchovers';
import { ClusterHistories } from './history/cluster-history';
import { LineageKeys } from './lineages/lineage-keys';
import { Lineages } from './lineages/lineages';
import { ClusterMachines, MACHINE_PROVIDER } from './machines/cluster-machines';
import { PendingMachines } from './machines/pending-machines';
import { ReachableMachines } from './machines/reachable-machines';
import { machineProvider } from './machines/machine-provider';
import { membershipProviders } from './membership/membership-providers';
import { MembershipWatch } from './membership/membership-watch';
import { databaseOptions } from './persistence/database-options';
import { ProveRestore } from './proofs/prove-restore.program';
import { RemoveProofMachine } from './proofs/remove-proof-machine.program';
import { DrillsController } from './proofs/drills.controller';
import { RestoreProofs } from './proofs/restore-proofs';
import { ConfirmRestore } from './programs/confirm-restore.program';
import { DiscardRestore } from './programs/discard-restore.program';
import { CreateCluster } from './programs/create-cluster.program';
import { CreateFromBackup } from './programs/create-from-backup.program';
import { DeleteCluster } from './programs/delete-cluster.program';
import { Failover } from './programs/failover.program';
import { RenewCertificates } from './programs/renew-certificates.program';
import { RebuildMembers } from './programs/rebuild-members.program';
import { ReleaseMachine } from './programs/release-machine.program';
import { ReplaceMember } from './programs/replace-member.program';
import { RestoreCluster } from './programs/restore-cluster.program';
import { ConfigureReturned } from './programs/configure-returned.program';
import { MachineConfiguration } from './programs/machine-configuration';
import { RotateCredentials } from './programs/rotate-credentials.program';
import { ClusterSettings } from './programs/settings.program';
import { StanzaEventsController } from './programs/stanza-events.controller';
import { StanzaMaking } from './programs/stanza-making';
import { Switchover } from './programs/switchover.program';
import { TakeBackRestore } from './programs/take-back-restore.program';
import { UndoRestore } from './programs/undo-restore.program';
import { LeftBehindWatch } from './restore/left-behind-watch';
import { RestoreSources } from './restore/restore-source';
import { RestoreSteps } from './restore/restore-steps';
import { Restores } from './restore/restores';
import { WayBack } from './restore/way-back';
import { ClusterSecrets } from './secrets/cluster-secrets';
import { JobSecrets } from './secrets/job-secrets';
import { PasswordRotations } from './secrets/password-rotations';
import { SecretBox } from './secrets/secret-box';
import { Users } from './users/users';
import { UsersController } from './users/users.controller';
import { FirstWrite } from './verification/first-write';
import { PasswordInForce } from './verification/password-in-force';
import { ProvenWrite } from './verification/proven-write';

const service = 'cluster-service';

/** Users, clusters, and everything that keeps them in their desired state. */
@Module({})
export class AppModule {
  static with(config: Config) {
    const { PGFLEET_NATS_URL: servers, PGFLEET_NATS_USER: user, PGFLEET_NATS_PASSWORD: password } = config;
    const caFile = config.PGFLEET_CA_FILE;
    const programs = [
      ...[CreateCluster, CreateFromBackup, DeleteCluster],
      ...[Switchover, Failover, ClusterSettings, ConfigureReturned, ReplaceMember, RotateCredentials],
      ...[RestoreCluster, TakeBackRestore, UndoRestore, ConfirmRestore, DiscardRestore, RebuildMembers],
      ...[ProveRestore, RemoveProofMachine, ReleaseMachine],
      RenewCertificates,
    ];
    return {
      module: AppModule,
      imports: [
        ObservabilityModule.forRoot({ service }),
        PersistenceModule.forRoot(databaseOptions(config.PGFLEET_DATABASE_URL, caFile)),
        MessagingModule.forRoot({ service, nats: { servers, user, password, caFile }, database: true }),
        OperationsModule.forRoot({ service, programs }),
      ],
      controllers: [UsersController, ClustersController, StanzaEventsController, DrillsController],
      providers: [
        { provide: CONFIG, useValue: config },
        { provide: SecretBox, useFactory: () => new SecretBox(config.PGFLEET_SECRET_KEY_FILE) },
        { provide: MACHINE_PROVIDER, useFactory: () => machineProvider(config) },
        { provide: CONNECT_ETCD, useValue: connectEtcd(config) },
        { provide: ETCD, useFactory: connectEtcd(config) },
        ...programs,
        Users,
        Clusters,
        ClusterRows,
        ClusterMetrics,
        ClusterStates,
        ClusterTopology,
        WalSights,
        ClusterHistories,
        ClusterKeys,
        ClusterMachines,
        ReachableMachines,
        PendingMachines,
        MachineConfiguration,
        ClusterControl,
        Switchovers,
        Failovers,
        Replacements,
        FencedFailoverWatch,
        ClusterSecrets,
        JobSecrets,
        PasswordRotations,
        FirstWrite,
        ProvenWrite,
        PasswordInForce,
        StanzaMaking,
        LineageKeys,
        Lineages,
        Restores,
        RestoreSources,
        RestoreSteps,
        WayBack,
        LeftBehindWatch,
        RestoreProofs,
        LeadershipIntents,
        ...membershipProviders,
        MembershipWatch,
        Certificates,
        CertificateWatch,
        EtcdAlarmWatch,
      ],
    };
  }
}
