import { z } from 'zod';
import { Instant, OperationKind, StepName } from '../api/fields';
import { OperationError } from '../api/operation';
import { defineEvent } from '../define-event';
import { ClusterId, OperationId } from '../ids';

const operation = z.object({
  operationId: OperationId,
  kind: OperationKind,
  clusterId: ClusterId.nullable(),
});
const step = operation.extend({ step: StepName, attempt: z.int() });

export const operationCreated = defineEvent({
  name: 'operation.created',
  version: 1,
  description: 'An operation was accepted. It starts at `scheduledAt`, or at once if that is null.',
  data: operation.extend({ steps: z.array(StepName), scheduledAt: Instant.nullable() }),
});
export const operationStepStarted = defineEvent({
  name: 'operation.step.started',
  version: 1,
  description: 'A step started, or was retried (see `attempt`).',
  data: step,
});
export const operationStepSucceeded = defineEvent({
  name: 'operation.step.succeeded',
  version: 1,
  description: 'A step succeeded, and its result is stored.',
  data: step.extend({ durationMs: z.int() }),
});
export const operationSucceeded = defineEvent({
  name: 'operation.succeeded',
  version: 1,
  description: 'All steps of the operation succeeded.',
  data: operation.extend({ durationMs: z.int() }),
});
export const operationFailed = defineEvent({
  name: 'operation.failed',
  version: 1,
  description: 'A step failed for good, and so did the operation. It can be retried from that step.',
  data: operation.extend({ error: OperationError }),
});
export const operationCancelled = defineEvent({
  name: 'operation.cancelled',
  version: 1,
  description: 'The operation was cancelled on request, between two steps or before it started.',
  data: operation.extend({ step: StepName }),
});
export const operationRetried = defineEvent({
  name: 'operation.retried',
  version: 1,
  description: 'A failed operation resumes at the step that failed.',
  data: operation.extend({ step: StepName }),
});
