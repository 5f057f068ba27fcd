import type { LogEntry, Operation } from '@pgfleet/contracts';
import type { EventListener } from './event-listener';
import { until, type TestPlatform } from './platform';

type Page = { items: LogEntry[]; next: number | null };

/** Everything that the operation has logged so far. */
export async function logOf({ api }: TestPlatform, operationId: string): Promise<string[]> {
  const lines: string[] = [];
  let after: number | null = 0;
  while (after !== null) {
    const page: Page = await api.call<Page>(
      'GET',
      `/operations/${operationId}/log?limit=1000${after ? `&after=${after}` : ''}`,
    );
    lines.push(...page.items.map(({ line }) => line));
    after = page.next;
  }
  return lines;
}

/** Waits until the operation has logged something; fails if it ends first. */
export async function untilSaid(
  platform: TestPlatform,
  operationId: string,
  what: RegExp,
  withinMs: number,
): Promise<void> {
  const { said, state, lines } = await until(
    async () => {
      const { state } = await platform.api.operation(operationId);
      const lines = await logOf(platform, operationId);
      return { said: lines.some((line) => what.test(line)), state, lines: lines.slice(-5) };
    },
    (sight) => sight.said || !['pending', 'running'].includes(sight.state),
    withinMs,
    50,
  );
  if (!said || state !== 'running')
    throw new Error(`${operationId} is ${state}, ${String(what)} was to be said; last: ${lines.join(' | ')}`);
}

/** Follows an operation to its end, and checks that it started once and ended once. */
export async function endsOnce(
  platform: TestPlatform,
  events: EventListener,
  operationId: string,
  withinMs: number,
): Promise<Operation> {
  const ended = await platform.api.follow(operationId, withinMs);
  await events.until(`operation.${ended.state}`, operationId, 30_000);
  const ends = ['succeeded', 'failed', 'cancelled'].flatMap((end) =>
    events.of(`operation.${end}`, operationId),
  );
  expect(ends.map(({ name }) => name)).toEqual([`operation.${ended.state}`]);
  expect(events.of('operation.created', operationId)).toHaveLength(1);
  return ended;
}
