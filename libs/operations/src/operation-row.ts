import type { Operation, OperationError, OperationState, StepData, StepState } from '@pgfleet/contracts';

export interface OperationRow {
  readonly id: string;
  readonly kind: string;
  readonly cluster_id: string | null;
  readonly input: unknown;
  readonly state: OperationState;
  readonly step: string;
  /** Grows with every commit that asks for another run; a step message is for one turn, those of other turns are stale. */
  readonly turn: number;
  readonly due_at: Date;
  /** When an operation that was scheduled was to begin; null for one that was not. */
  readonly not_before: Date | null;
  readonly waiting_for: string | null;
  /** The job that was ordered and has not ended. */
  readonly job_id: string | null;
  /** Whether the current attempt at the step has begun. */
  readonly begun: boolean;
  readonly failures: number;
  /** How often a run of this step ended without a word: its process died or froze. */
  readonly takeovers: number;
  /** Grows with every claim; who has an older one cannot commit. */
  readonly fence: string;
  readonly owner: string | null;
  readonly lease_until: Date | null;
  readonly cancel_requested: boolean;
  readonly error: OperationError | null;
  readonly created_at: Date;
  readonly updated_at: Date;
}

export interface StepRow {
  readonly operation_id: string;
  readonly position: number;
  readonly name: string;
  readonly state: StepState;
  readonly attempt: number;
  readonly started_at: Date | null;
  readonly ended_at: Date | null;
  readonly result: unknown;
  readonly data: StepData | null;
}

export interface SignalRow {
  readonly name: string;
  readonly payload: unknown;
  readonly seq: string;
}

const instant = (date: Date | null): string | null => date?.toISOString() ?? null;

/** The operation as the API shows it. */
export const toOperation = (row: OperationRow, steps: readonly StepRow[]): Operation => ({
  id: row.id,
  kind: row.kind,
  clusterId: row.cluster_id,
  state: row.state,
  steps: steps.map((step) => ({
    name: step.name,
    state: step.state,
    attempt: step.attempt,
    startedAt: instant(step.started_at),
    endedAt: instant(step.ended_at),
    ...(step.data && { data: step.data }),
  })),
  ...(row.error && { error: row.error }),
  scheduledAt: instant(row.not_before),
  createdAt: row.created_at.toISOString(),
  updatedAt: row.updated_at.toISOString(),
});
