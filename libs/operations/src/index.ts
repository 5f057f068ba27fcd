export { Idempotency } from './idempotency';
export { type CompletedOperation, Operations, type StartOperation } from './operations';
export { operationsMigrations } from './operations-migrations';
export { OperationsModule, type OperationsOptions } from './operations.module';
export { again, done, type Effect, fail, goto, type JobOrder, next, Outcome, runJob, wait } from './outcome';
export { JobAgain, type OperationContext, Program, type StepContext, StepFailure } from './program';
