#!/usr/bin/env node
import { backupCases, benchBackup, defaultScale } from './backup/backup';
import { benchCreate } from './create';
import { benchFailover, failoverCases } from './failover/failover';
import { benchPooler, poolerCases } from './pooler/pooler';
import { benchWal, segmentSizes } from './wal/wal';

interface Options {
  runs: number;
  cases: string[];
  scale: number;
  seconds: number;
}

interface Benchmark {
  /** The parts of the benchmark, when they can be run separately. */
  cases: string[];
  /** The default number of runs: slow benchmarks run once. */
  runs: number;
  run(options: Options): Promise<void>;
}

const benchmarks: Record<string, Benchmark> = {
  create: { cases: [], runs: 3, run: ({ runs }) => benchCreate(runs) },
  failover: {
    cases: Object.keys(failoverCases),
    runs: 3,
    run: ({ runs, cases }) => benchFailover(runs, cases),
  },
  backup: {
    cases: Object.keys(backupCases),
    runs: 3,
    run: ({ runs, cases, scale }) => benchBackup(runs, cases, scale),
  },
  pooler: {
    cases: [...poolerCases],
    runs: 3,
    run: ({ runs, cases, seconds }) => benchPooler(runs, cases, seconds),
  },
  wal: { cases: segmentSizes, runs: 1, run: ({ runs, cases }) => benchWal(runs, cases) },
};

const defaultSeconds = 20;

const usage = `usage: npm run bench:create | bench:failover | bench:backup | bench:wal | bench:pooler [-- --runs N] [-- --cases a,b] [-- --scale N] [-- --seconds N]
  3 runs by default; uses the lab that npm start uses. bench:wal: one run, and no lab, only the machines' image. bench:pooler: no lab either
  cases, all by default:
    bench:failover  ${Object.keys(failoverCases).join(', ')}
    bench:backup    ${Object.keys(backupCases).join(', ')}
    bench:wal       ${segmentSizes.join(', ')} (--wal-segsize)
    bench:pooler    ${poolerCases.join(', ')}
  scale: of the pgbench database of bench:backup, ${defaultScale} by default (8.8 GB); 100 MB of disk for each
  seconds: of each run of pgbench in bench:pooler, ${defaultSeconds} by default
`;

async function main([name = '', ...args]: string[]): Promise<void> {
  const option = (flag: string) => {
    const at = args.indexOf(flag);
    return at < 0 ? undefined : (args[at + 1] ?? '');
  };
  const wholeNumber = (flag: string, otherwise: number) => {
    const value = Number(option(flag) ?? otherwise);
    if (!Number.isInteger(value) || value < 1) throw new Error(`${flag} takes a whole number from 1`);
    return value;
  };
  const benchmark = benchmarks[name];
  if (!benchmark || args.includes('--help')) {
    process.stdout.write(usage);
    return;
  }
  const cases = option('--cases')?.split(',') ?? benchmark.cases;
  const unknown = cases.find((each) => !benchmark.cases.includes(each));
  if (unknown !== undefined)
    throw new Error(`there is no case ${unknown}; there are ${benchmark.cases.join(', ')}`);
  await benchmark.run({
    runs: wholeNumber('--runs', benchmark.runs),
    cases,
    scale: wholeNumber('--scale', defaultScale),
    seconds: wholeNumber('--seconds', defaultSeconds),
  });
}

main(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`);
  // The work that a signal interrupted may still be waiting for something.
  process.exit(1);
});
