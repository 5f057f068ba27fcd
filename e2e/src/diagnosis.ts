import type { Operation } from '@pgfleet/contracts';
import { stepTimes } from '@pgfleet/platform';
import { testPlatform, type TestPlatform } from './platform';

const failed =
  'journalctl -q --no-pager -o short-precise -p warning -n 40; journalctl -q --no-pager -o cat -n 40 -u "pgfleet-*"';

async function operations({ api }: TestPlatform): Promise<string> {
  const { items } = await api.call<{ items: Operation[] }>('GET', '/operations?limit=10');
  return items
    .map((operation) => {
      const head = `${operation.kind} ${operation.id} ${operation.state} ${operation.error ? JSON.stringify(operation.error) : ''}`;
      return [head, ...stepTimes(operation).map((line) => `    ${line}`)].join('\n');
    })
    .join('\n');
}

/** Writes to standard error what helps to understand a failed test: the last operations with their steps, and the journals. */
export async function diagnose(): Promise<void> {
  const attempt = async (title: string, work: () => Promise<string>) => {
    const text = await work().catch((error: unknown) => String(error));
    process.stderr.write(`\n--- ${title}\n${text.trim()}\n`);
  };
  try {
    const platform = await testPlatform();
    await attempt('the last operations', () => operations(platform));
    const machines = await platform.lab.list();
    await attempt('machines', () =>
      Promise.resolve(machines.map(({ name, state, network }) => `${name} ${state} ${network}`).join('\n')),
    );
    for (const { name } of machines.filter(
      (machine) => machine.state === 'running' && machine.network === 'up',
    )) {
      await attempt(`journal of ${name}`, () => platform.on(name, `(${failed}) | tail -n 60`));
    }
  } catch (error) {
    process.stderr.write(`the platform cannot be asked: ${String(error)}\n`);
  }
}
