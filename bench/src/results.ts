import { readFileSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { repository } from '@pgfleet/platform';

export const median = (values: number[]): number => {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const high = sorted[middle] ?? NaN;
  return sorted.length % 2 ? high : Math.round(((sorted[middle - 1] ?? NaN) + high) / 2);
};

const machine = (): string => {
  const [cpu] = cpus();
  return `${cpus().length} cores (${cpu?.model.trim() ?? 'unknown'}), ${Math.round(totalmem() / 2 ** 30)} GiB, Node.js ${process.version}`;
};

/**
 * Prints a benchmark's results and writes them to docs/benchmarks.md, with date and machine. They replace the last results of the
 * same benchmark.
 */
export function record(name: string, lines: string[]): void {
  const file = join(repository, 'docs', 'benchmarks.md');
  const [begin, end] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
  const date = new Date().toISOString().slice(0, 10);
  const body = [begin, '', `${date}, ${machine()}`, '', ...lines, '', end].join('\n');
  process.stdout.write(`${lines.join('\n')}\n`);
  const text = readFileSync(file, 'utf8');
  const from = text.indexOf(begin);
  const to = text.indexOf(end);
  if (from < 0 || to < 0)
    throw new Error(`${file} has no place for ${name}: put ${begin} and ${end} where its results belong`);
  writeFileSync(file, text.slice(0, from) + body + text.slice(to + end.length));
}
