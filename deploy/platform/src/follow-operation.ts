import type { Operation } from '@pgfleet/contracts';
import type { ApiClient } from './api-client';
import { say } from './report';

const seconds = (from: string | null, to: string | null): string =>
  from && to ? `${((Date.parse(to) - Date.parse(from)) / 1000).toFixed(1)} s` : '';

/** How long each step of an operation took, one line per step. */
export const stepTimes = (operation: Operation): string[] =>
  operation.steps.map(
    ({ name, state, attempt, startedAt, endedAt }) =>
      `${name.padEnd(24)} ${state.padEnd(10)} ${seconds(startedAt, endedAt).padStart(8)}${attempt > 1 ? `  attempt ${attempt}` : ''}`,
  );

/** Follows an operation and prints each step as it begins and ends. Throws with cause and remedy when it fails. */
export async function followOperation(api: ApiClient, id: string, withinMs = 600_000): Promise<Operation> {
  const told = new Set<string>();
  const tell = (line: string) => {
    if (!told.has(line)) say(line);
    told.add(line);
  };
  const operation = await api.follow(id, withinMs, ({ kind, steps }) => {
    for (const { name, state, startedAt, endedAt } of steps) {
      if (state === 'running') tell(`${kind}: ${name} …`);
      if (state === 'succeeded') tell(`${kind}: ${name} ${seconds(startedAt, endedAt)}`);
    }
  });
  if (operation.state === 'succeeded') return operation;
  const { step, cause, remedy } = operation.error ?? { step: '?', cause: operation.state, remedy: '' };
  throw new Error(
    `${operation.kind} ${operation.state} at ${step}: ${cause}\n${remedy}\noperation ${operation.id}`,
  );
}
