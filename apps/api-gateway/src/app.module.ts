import { type DynamicModule, Module } from '@nestjs/common';
import { MessagingModule } from '@pgfleet/messaging';
import { ObservabilityModule } from '@pgfleet/observability';
import { BackupsController } from './backups/backups.controller';
import { ClusterServiceReadiness } from './cluster-service-readiness';
import { ClustersController } from './clusters/clusters.controller';
import type { Config } from './config';
import { OpenApiController } from './docs/openapi.controller';
import { Drain } from './http/drain';
import { LogStreams } from './operations/log-streams';
import { OperationChanges } from './operations/operation-changes';
import { OperationOwners } from './operations/operation-owners';
import { OperationsController } from './operations/operations.controller';
import { UsersController } from './users/users.controller';

const service = 'api-gateway';

/** The public API: HTTP on one side, NATS requests to the services on the other. Stateless. */
@Module({})
export class AppModule {
  static with(config: Config): DynamicModule {
    const { PGFLEET_NATS_URL: servers, PGFLEET_NATS_USER: user, PGFLEET_NATS_PASSWORD: password } = config;
    const nats = { servers, user, password, caFile: config.PGFLEET_CA_FILE };
    return {
      module: AppModule,
      imports: [
        ObservabilityModule.forRoot({ service }),
        MessagingModule.forRoot({ service, nats, database: false }),
      ],
      controllers: [
        UsersController,
        ClustersController,
        BackupsController,
        OperationsController,
        OpenApiController,
      ],
      providers: [Drain, ClusterServiceReadiness, OperationOwners, OperationChanges, LogStreams],
    };
  }
}
