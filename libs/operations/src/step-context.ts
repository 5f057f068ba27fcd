import type { StepData } from '@pgfleet/contracts';
import type { Claim } from './claim';
import type { OperationRow, StepRow } from './operation-row';
import type { OperationContext, StepContext } from './program';

/** An operation as hooks see it. */
export const contextOf = (row: OperationRow, steps: readonly StepRow[]): OperationContext<unknown> => ({
  operationId: row.id,
  clusterId: row.cluster_id,
  input: row.input,
  step: row.step,
  key: `${row.id}/${row.step}`,
  attempt: steps.find((step) => step.name === row.step)?.attempt ?? 0,
  results: Object.fromEntries(
    steps.filter((step) => step.state === 'succeeded').map((step) => [step.name, step.result]),
  ),
});

/** One run of a step: what it is given, and which signals it has looked at. */
export class StepRun {
  readonly context: StepContext<unknown>;
  private readonly looked = new Set<string>();

  constructor(
    private readonly claim: Claim,
    abort: AbortSignal,
    note: (line: string) => Promise<void>,
    show: (data: StepData) => Promise<void> = () => Promise.resolve(),
  ) {
    const { row, steps, signals } = claim;
    const step = steps.find(({ name }) => name === row.step);
    this.context = {
      ...contextOf(row, steps),
      signal: <T>(name: string) => {
        this.looked.add(name);
        return signals.find((signal) => signal.name === name)?.payload as T | undefined;
      },
      expired: row.waiting_for !== null && !signals.some((signal) => signal.name === row.waiting_for),
      stepStartedAt: step?.started_at ?? new Date(),
      abort,
      note,
      show,
    };
  }

  /** Signals that are used up when the step ends: those that it looked at, as they were then. */
  get consumed(): readonly string[] {
    return this.claim.signals.filter(({ name }) => this.looked.has(name)).map(({ seq }) => seq);
  }

  /** The signal of that name as this run could see it, null when there was none. */
  seen(name: string): string | null {
    return this.claim.signals.find((signal) => signal.name === name)?.seq ?? null;
  }
}
