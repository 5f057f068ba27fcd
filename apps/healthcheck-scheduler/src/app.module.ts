import { Module, type DynamicModule } from '@nestjs/common';
import { MessagingModule } from '@pgfleet/messaging';
import { ObservabilityModule } from '@pgfleet/observability';
import { PersistenceModule } from '@pgfleet/persistence';
import { CONFIG, type Config } from './config';
import { ClusterHealths } from './health/cluster-health';
import { HealthMetrics } from './health/health-metrics';
import { HealthController } from './health/health.controller';
import { HealthRecords } from './health/health-records';
import { databaseOptions } from './persistence/database-options';
import { Claims } from './schedule/claims';
import { ProbeLoop } from './schedule/probe-loop';
import { ClusterEventsController } from './targets/cluster-events.controller';
import { Targets } from './targets/targets';

const service = 'healthcheck-scheduler';

/** Probes every node of every cluster, stores their health, and publishes changes. */
@Module({})
export class AppModule {
  static with(config: Config): DynamicModule {
    const { PGFLEET_NATS_URL: servers, PGFLEET_NATS_USER: user, PGFLEET_NATS_PASSWORD: password } = config;
    const caFile = config.PGFLEET_CA_FILE;
    return {
      module: AppModule,
      imports: [
        ObservabilityModule.forRoot({ service }),
        PersistenceModule.forRoot(databaseOptions(config.PGFLEET_DATABASE_URL, caFile)),
        MessagingModule.forRoot({ service, nats: { servers, user, password, caFile }, database: true }),
      ],
      controllers: [HealthController, ClusterEventsController],
      providers: [
        { provide: CONFIG, useValue: config },
        Claims,
        ClusterHealths,
        HealthMetrics,
        HealthRecords,
        ProbeLoop,
        Targets,
      ],
    };
  }
}
