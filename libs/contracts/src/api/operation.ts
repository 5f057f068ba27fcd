import { z } from 'zod';
import { ClusterId, OperationId } from '../ids';
import { Instant } from './fields';

export const OperationState = z.enum(['pending', 'running', 'succeeded', 'failed', 'cancelled']);
export type OperationState = z.infer<typeof OperationState>;

export const StepState = z.enum(['pending', 'running', 'succeeded', 'failed']);
export type StepState = z.infer<typeof StepState>;

export const OperationStep = z
  .object({
    name: z.string(),
    state: StepState,
    attempt: z.int().nonnegative(),
    startedAt: Instant.nullable(),
    endedAt: Instant.nullable(),
  })
  .meta({ id: 'OperationStep' });

/** Why an operation stopped: at which step, what happened, and what the reader can do. */
export const OperationError = z
  .object({ step: z.string(), cause: z.string(), remedy: z.string() })
  .meta({ id: 'OperationError' });
export type OperationError = z.infer<typeof OperationError>;

export const Operation = z
  .object({
    id: OperationId,
    kind: z.string().meta({ example: 'cluster.create' }),
    clusterId: ClusterId.nullable(),
    state: OperationState,
    steps: z.array(OperationStep),
    error: OperationError.optional(),
    createdAt: Instant,
    updatedAt: Instant,
  })
  .meta({ id: 'Operation' });
export type Operation = z.infer<typeof Operation>;

export const ListOperationsQuery = z.strictObject({
  clusterId: ClusterId.optional(),
  state: OperationState.optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
  before: OperationId.optional().meta({ description: 'only operations older than this one' }),
});
export type ListOperationsQuery = z.infer<typeof ListOperationsQuery>;
