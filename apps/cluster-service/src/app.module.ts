import { Module } from '@nestjs/common';
import { MessagingModule } from '@pgfleet/messaging';
import { ObservabilityModule } from '@pgfleet/observability';
import { OperationsModule } from '@pgfleet/operations';
import { PersistenceModule } from '@pgfleet/persistence';
import { ClusterRows } from './clusters/cluster-rows';
import { ClusterStates } from './clusters/cluster-state';
import { Clusters } from './clusters/clusters';
import { ClustersController } from './clusters/clusters.controller';
import { ClusterTopology } from './clusters/topology';
import { CONFIG, type Config } from './config';
import { ClusterKeys } from './etcd/cluster-keys';
import { CONNECT_ETCD, ETCD, connectEtcd } from './etcd/etcd-connection';
import { ClusterMachines, MACHINE_PROVIDER } from './machines/cluster-machines';
import { machineProvider } from './machines/machine-provider';
import { Membership } from './membership/membership';
import { MembershipWatch } from './membership/membership-watch';
import { databaseOptions } from './persistence/database-options';
import { CreateCluster } from './programs/create-cluster.program';
import { DeleteCluster } from './programs/delete-cluster.program';
import { StanzaEventsController } from './programs/stanza-events.controller';
import { ClusterSecrets } from './secrets/cluster-secrets';
import { JobSecrets } from './secrets/job-secrets';
import { SecretBox } from './secrets/secret-box';
import { Users } from './users/users';
import { UsersController } from './users/users.controller';
import { FirstWrite } from './verification/first-write';

const service = 'cluster-service';

/** Users, clusters and what keeps them true. */
@Module({})
export class AppModule {
  static with(config: Config) {
    const { PGFLEET_NATS_URL: servers, PGFLEET_NATS_USER: user, PGFLEET_NATS_PASSWORD: password } = config;
    const caFile = config.PGFLEET_CA_FILE;
    const programs = [CreateCluster, DeleteCluster];
    return {
      module: AppModule,
      imports: [
        ObservabilityModule.forRoot({ service }),
        PersistenceModule.forRoot(databaseOptions(config.PGFLEET_DATABASE_URL, caFile)),
        MessagingModule.forRoot({ service, nats: { servers, user, password, caFile }, database: true }),
        OperationsModule.forRoot({ service, programs }),
      ],
      controllers: [UsersController, ClustersController, StanzaEventsController],
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
        ClusterStates,
        ClusterTopology,
        ClusterKeys,
        ClusterMachines,
        ClusterSecrets,
        JobSecrets,
        FirstWrite,
        Membership,
        MembershipWatch,
      ],
    };
  }
}
