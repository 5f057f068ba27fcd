import type { Operation, StepChange } from '@pgfleet/contracts';

/** Finds the steps that changed since the last call. The first call returns the steps that are no longer pending. */
export class StepChanges {
  private readonly seen = new Map<string, string>();

  since({ steps, error }: Operation): StepChange[] {
    return steps.flatMap((step) => {
      const now = `${step.state} ${step.attempt}`;
      const before = this.seen.get(step.name);
      this.seen.set(step.name, now);
      if (now === before || (before === undefined && step.state === 'pending')) return [];
      const { name, state, attempt, startedAt, endedAt } = step;
      const cause = state === 'failed' && error?.step === name ? `: ${error.cause}` : '';
      const time = endedAt ?? startedAt ?? new Date().toISOString();
      return [{ time, step: name, state, attempt, text: `${name} ${words(step)}${cause}` }];
    });
  }
}

const words = ({ state, attempt, startedAt, endedAt }: Operation['steps'][number]): string => {
  if (state === 'pending') return 'will run again';
  if (state === 'running') return attempt > 1 ? `started, attempt ${attempt}` : 'started';
  const seconds = startedAt && endedAt && (Date.parse(endedAt) - Date.parse(startedAt)) / 1000;
  return seconds === null ? state : `${state} after ${Number(seconds).toFixed(1)} s`;
};
