import type { LogLine } from '@pgfleet/contracts';
import { readableLine } from './readable-line';

const line = (more: Partial<LogLine>): LogLine => ({
  time: '2026-11-23T12:00:00.000Z',
  operationId: 'op_01979a3c-5f7e-7c11-8d2a-3b9f6c1e0a55',
  step: 'configure',
  stream: 'note',
  line: '',
  ...more,
});
const host = { event: 'host', host: 'n1', task: 'postgres_node : converge' } as const;

describe('a readable line', () => {
  it.each<[Partial<LogLine>, string | null]>([
    [{ line: 'From n1 to n2.' }, 'From n1 to n2.'],
    [{ stream: 'stdout', line: '  restored 45 %  ' }, 'restored 45 %'],
    [{ stream: 'stdout', line: ' ' }, null],
    [{ stream: 'stdout', line: 'TASK [postgres_node : converge] ****', raw: true }, null],
    [{ progress: { event: 'play', play: 'Nodes' } }, 'Nodes'],
    [{ progress: { event: 'task', task: 'postgres_node : converge' } }, null],
    [{ progress: { ...host, status: 'ok' } }, 'n1: postgres_node : converge: ok'],
    [
      { progress: { ...host, status: 'failed', message: 'no room\nat all' } },
      'n1: postgres_node : converge: failed (no room)',
    ],
    [{ progress: { ...host, status: 'skipped' } }, null],
    [{ progress: { event: 'stats' } }, null],
  ])('of %j is %j', (of, text) => expect(readableLine(line(of))).toBe(text));

  it('is short, however long the line is', () => {
    expect(readableLine(line({ stream: 'stdout', line: 'x'.repeat(16_000) }))).toHaveLength(300);
  });
});
