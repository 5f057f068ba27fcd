import type { Verdict } from '@pgfleet/write-checker';
import { say } from '@pgfleet/platform';
import { median } from '../results';

/** The table of one benchmark run, printed line by line as it grows. */
export class Report {
  readonly lines = ['| case | | runs | median ms | worst ms | |', '|---|---|---:|---:|---:|---|'];

  row(what: string, who: string, values: number[], notes: string[]): void {
    const cells = [what, who, values.length, Math.round(median(values)), Math.round(Math.max(...values))];
    this.lines.push(`| ${cells.join(' | ')} | ${notes.join('; ')} |`);
    say(this.lines.at(-1) ?? '');
  }

  note(text: string): void {
    this.lines.push('', text);
    say(text);
  }
}

/** What the write checker found in all runs together. */
export function verdicts(all: Verdict[], durability: 'sync' | 'async' = 'sync'): string {
  const sum = (count: (verdict: Verdict) => number) =>
    all.reduce((total, verdict) => total + count(verdict), 0);
  const lost = sum(({ lost }) => lost.length);
  const faults = sum(
    ({ duplicated, strangers, doubleLeaders, staleLeaders }) =>
      duplicated.length + strangers.length + doubleLeaders.length + staleLeaders.length,
  );
  const acknowledged = sum(({ acknowledged }) => acknowledged);
  const loss =
    durability === 'async'
      ? `${lost} of ${acknowledged} acknowledged rows lost`
      : `${lost} of ${acknowledged} lost`;
  return `${loss}, ${faults} other faults`;
}

export const percentile = (values: number[], part: number): number =>
  [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.ceil(values.length * part) - 1)] ?? NaN;
