import { type DynamicModule, Module, type Type } from '@nestjs/common';
import type { ServiceName } from '@pgfleet/contracts';
import { Announcer } from './announcer';
import { Claims } from './claim';
import { Idempotency } from './idempotency';
import { JobFinishedController } from './job-finished.controller';
import { JobSignals } from './job-signals';
import { OperationEnd } from './operation-end';
import { operationRequestsController } from './operation-requests.controller';
import { OperationStore } from './operation-store';
import { Operations } from './operations';
import type { Program } from './program';
import { PROGRAM_CLASSES, Programs } from './programs';
import { Schedule } from './schedule';
import { StepCommit } from './step-commit';
import { StepWorker } from './step-worker';
import { stepController } from './step.controller';
import { Sweep } from './sweep';

export interface OperationsOptions {
  readonly service: ServiceName;
  /** The kinds of operation of the service; each class is a provider of one of its own modules. */
  readonly programs: readonly Type<Program>[];
}

/**
 * Durable operations: exports `Operations` and `Idempotency`, runs the programs, hears of finished jobs, answers the requests for
 * operations. Needs PersistenceModule and MessagingModule, and `operationsMigrations`.
 */
@Module({})
export class OperationsModule {
  static forRoot({ service, programs }: OperationsOptions): DynamicModule {
    return {
      module: OperationsModule,
      global: true,
      controllers: [stepController(service), JobFinishedController, ...operationRequestsController(service)],
      providers: [
        { provide: PROGRAM_CLASSES, useValue: programs },
        Programs,
        OperationStore,
        Announcer,
        OperationEnd,
        Schedule,
        Claims,
        JobSignals,
        StepCommit,
        StepWorker,
        Sweep,
        Operations,
        Idempotency,
      ],
      exports: [Operations, Idempotency],
    };
  }
}
