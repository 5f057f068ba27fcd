import { say } from '@pgfleet/platform';
import { median, record } from '../results';
import { untilSignal } from '../until-signal';
import { PoolerSite, resets } from './pooler-site';

export const poolerCases = ['select-only', 'simple-update'] as const;
type Case = (typeof poolerCases)[number];

const modes = ['simple', 'prepared'] as const;
const scale = 5;

/** Runs pgbench through poolers that reset connections differently, one after the other within each run. */
export async function benchPooler(runs: number, cases: readonly string[], seconds: number): Promise<void> {
  const site = await PoolerSite.start(scale);
  try {
    await untilSignal(() => measure(site, runs, cases as readonly Case[], seconds));
  } finally {
    await site.remove();
  }
}

async function measure(
  site: PoolerSite,
  runs: number,
  cases: readonly Case[],
  seconds: number,
): Promise<void> {
  const names = Object.keys(resets);
  const lines = [
    `| pgbench, 8 clients, ${seconds} s, median of ${runs} | ${names.map((name) => `${name}, TPS`).join(' | ')} | ratio of pgfleet to no reset |`,
    `|---|${names.map(() => '---:|').join('')}---:|`,
  ];
  for (const builtin of cases)
    for (const mode of modes) {
      const found = new Map<string, number[]>(names.map((name) => [name, []]));
      for (let run = 1; run <= runs; run++)
        for (const name of names)
          found.get(name)?.push(Math.round(await site.transactionsPerSecond(name, builtin, mode, seconds)));
      const medians = names.map((name) => median(found.get(name) ?? []));
      const ratio = ((medians[names.indexOf('pgfleet')] ?? NaN) / (medians[0] ?? NaN)).toFixed(2);
      say(
        `${builtin}, ${mode}: ${names.map((name, at) => `${name} ${medians[at]}`).join(', ')}; ratio ${ratio}`,
      );
      lines.push(`| ${builtin}, ${mode} statements | ${medians.join(' | ')} | ${ratio} |`);
    }
  record('pooler', [
    ...lines,
    '',
    ...Object.entries(resets).map(
      ([name, reset]) => `- ${name}: ${reset === null ? 'nothing is sent' : `\`${reset}\``}`,
    ),
  ]);
}
