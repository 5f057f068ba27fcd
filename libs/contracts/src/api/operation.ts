import { z } from 'zod';
import { ClusterId, OperationId } from '../ids';
import { Cause, Instant, OperationKind, Remedy, StepName } from './fields';

export const OperationState = z.enum(['scheduled', 'pending', 'running', 'succeeded', 'failed', 'cancelled']);
export type OperationState = z.infer<typeof OperationState>;

/** Whether an operation has ended. A failed operation can still be retried. */
export const hasEnded = ({ state }: { readonly state: OperationState }): boolean =>
  state === 'succeeded' || state === 'failed' || state === 'cancelled';

export const StepState = z.enum(['pending', 'running', 'succeeded', 'failed']);
export type StepState = z.infer<typeof StepState>;

/** A session with an open transaction that a planned switchover waits for. Does not show the statement. */
export const Blocker = z
  .object({
    node: z.string(),
    pid: z.int(),
    user: z.string(),
    database: z.string(),
    application: z.string(),
    state: z.string().meta({ description: 'as in pg_stat_activity, e.g. `idle in transaction`' }),
    since: Instant.meta({ description: 'when its transaction started' }),
    ageSeconds: z.number().nonnegative(),
  })
  .meta({ id: 'Blocker' });
export type Blocker = z.infer<typeof Blocker>;

/** What a step reports while it runs and afterwards. */
export const StepData = z
  .object({
    blockers: z.array(Blocker).meta({ description: 'oldest first, at most 50' }),
    blockersTotal: z.int().nonnegative(),
    terminated: z.boolean().meta({ description: 'whether their sessions were terminated' }),
    waitsUntil: Instant.nullable().meta({
      description: 'until when the step waits for them; null when it does not wait',
    }),
  })
  .meta({ id: 'StepData' });
export type StepData = z.infer<typeof StepData>;

export const OperationStep = z
  .object({
    name: StepName,
    state: StepState,
    attempt: z.int().nonnegative(),
    startedAt: Instant.nullable(),
    endedAt: Instant.nullable(),
    data: StepData.optional().meta({ description: 'only for steps that report something' }),
  })
  .meta({ id: 'OperationStep' });

/** Why an operation failed: the step, what happened, and what to do about it. */
export const OperationError = z
  .object({ step: StepName, cause: Cause, remedy: Remedy })
  .meta({ id: 'OperationError' });
export type OperationError = z.infer<typeof OperationError>;

const at = (second: number) => `2026-11-23T12:00:0${second}.000Z`;

export const Operation = z
  .object({
    id: OperationId,
    kind: OperationKind,
    clusterId: ClusterId.nullable(),
    state: OperationState,
    steps: z.array(OperationStep),
    error: OperationError.optional(),
    // Responses stored under an idempotency key before this field existed do not have it.
    scheduledAt: Instant.nullable()
      .default(null)
      .meta({ description: 'when the operation starts; null if it started at once' }),
    createdAt: Instant,
    updatedAt: Instant,
  })
  .meta({
    id: 'Operation',
    example: {
      id: 'op_01979a3c-5f7e-7c11-8d2a-3b9f6c1e0a55',
      kind: 'cluster.create',
      clusterId: 'clu_01979a3c-5f7e-7c11-8d2a-3b9f6c1e0a55',
      state: 'running',
      steps: [
        { name: 'boot', state: 'succeeded', attempt: 1, startedAt: at(0), endedAt: at(4) },
        { name: 'configure', state: 'running', attempt: 1, startedAt: at(4), endedAt: null },
      ],
      scheduledAt: null,
      createdAt: at(0),
      updatedAt: at(4),
    },
  });
export type Operation = z.infer<typeof Operation>;

export const ListOperationsQuery = z.strictObject({
  clusterId: ClusterId.optional(),
  state: OperationState.optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
  before: OperationId.optional().meta({ description: 'only operations older than this one' }),
});
export type ListOperationsQuery = z.infer<typeof ListOperationsQuery>;
