import { Global, Module, type DynamicModule } from '@nestjs/common';
import { collectDefaultMetrics, register } from 'prom-client';
import { HealthController } from './health.controller';
import { MetricsController } from './metrics.controller';
import { Readiness, type ReadinessCheck } from './readiness';

export interface ObservabilityOptions {
  /** The `service` label of every metric of the process. */
  service: string;
  /** Checks that are known at start. Providers add more with `Readiness.register`. */
  readiness?: readonly ReadinessCheck[];
}

/** Serves `GET /health/live`, `/health/ready` and `/metrics` (with Node's own process metrics). Exports `Readiness` globally. */
@Global()
@Module({})
export class ObservabilityModule {
  static forRoot({ service, readiness = [] }: ObservabilityOptions): DynamicModule {
    register.setDefaultLabels({ service });
    if (!register.getSingleMetric('process_cpu_seconds_total')) collectDefaultMetrics();
    return {
      module: ObservabilityModule,
      controllers: [HealthController, MetricsController],
      providers: [{ provide: Readiness, useValue: new Readiness(readiness) }],
      exports: [Readiness],
    };
  }
}
