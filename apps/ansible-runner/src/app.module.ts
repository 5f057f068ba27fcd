import { type DynamicModule, Module } from '@nestjs/common';
import { MessagingModule } from '@pgfleet/messaging';
import { ObservabilityModule } from '@pgfleet/observability';
import { CommandExecutor } from './commands/command-executor';
import { CONFIG, type Config } from './config';
import { JobCancels } from './jobs/job-cancels';
import { JobEvents } from './jobs/job-events';
import { JobRecords } from './jobs/job-records';
import { JobRunner } from './jobs/job-runner';
import { jobsController } from './jobs/jobs.controller';
import { JobLeases } from './leases/job-leases';
import { JobSecrets } from './playbooks/job-secrets';
import { PlaybookExecutor } from './playbooks/playbook-executor';
import { RunDirectory } from './process/run-directory';

const service = 'ansible-runner';

/** Runs the jobs of the JOBS work queue: playbooks, and commands on machines. */
@Module({})
export class AppModule {
  static forRoot(config: Config): DynamicModule {
    const nats = {
      servers: config.PGFLEET_NATS_URL,
      user: config.PGFLEET_NATS_USER,
      password: config.PGFLEET_NATS_PASSWORD,
      caFile: config.PGFLEET_CA_FILE,
    };
    return {
      module: AppModule,
      imports: [
        ObservabilityModule.forRoot({ service }),
        MessagingModule.forRoot({ service, nats, database: false }),
      ],
      controllers: [jobsController(config)],
      providers: [
        { provide: CONFIG, useValue: config },
        CommandExecutor,
        JobCancels,
        JobEvents,
        JobLeases,
        JobRecords,
        JobRunner,
        JobSecrets,
        PlaybookExecutor,
        RunDirectory,
      ],
    };
  }
}
