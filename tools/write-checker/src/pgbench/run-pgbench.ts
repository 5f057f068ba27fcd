import { benchmarkCommand, logMark, patience, tablesCommand } from './pgbench-command';
import { readLatencies } from './pgbench-log';
import type { PgbenchOptions, PgbenchResult, PgbenchTarget, Ran } from './pgbench-options';
import { readAborts, readReport } from './pgbench-report';
import { runHere } from './run-here';

/** pgbench's exit code when it aborted clients during the run: there is a report. */
const runWasAborted = 2;
/** The exit code of `timeout`. */
const killed = 124;

/** Recreates pgbench's tables. */
export const makePgbenchTables = async (target: PgbenchTarget & { scale: number }): Promise<void> => {
  const ran = await (target.run ?? runHere)(tablesCommand(target, target.scale), secret(target));
  if (ran.code !== 0) throw failure('pgbench could not make its tables', ran);
};

/**
 * Runs the real pgbench and returns what it saw; lost connections are a result, not an error. Throws when pgbench did not start
 * or did not finish.
 */
export const runPgbench = async (options: PgbenchOptions): Promise<PgbenchResult> => {
  const command = benchmarkCommand(options);
  const { scale } = options;
  if (scale !== undefined) await makePgbenchTables({ ...options, scale });
  const ran = await (options.run ?? runHere)(command, secret(options));
  if (ran.code === killed) throw failure(`pgbench did not end within ${patience(options)} s`, ran);
  const [said = '', log = ''] = ran.stdout.split(`${logMark}\n`);
  const report = readReport(said);
  if (!report || ![0, runWasAborted].includes(ran.code)) throw failure('pgbench did not run', ran);
  const aborted = readAborts(ran.stderr);
  const { p50, p99, worst } = readLatencies(log);
  return {
    ...report,
    disconnects: new Set(aborted.map(({ client }) => client)).size,
    aborted,
    worstStallMs: worst,
    latencyMs: { p50, p99 },
    stderr: ran.stderr,
  };
};

const secret = ({ password }: PgbenchTarget): Record<string, string> => ({ PGPASSWORD: password });

const failure = (what: string, { code, stderr, stdout }: Ran): Error =>
  new Error(`${what} (${code}): ${(stderr || stdout).slice(-1000)}`);
