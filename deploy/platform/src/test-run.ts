import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { parseArgs, stripVTControlCharacters } from 'node:util';
import { ensureHostPackages, ensureImage, labSettings, stopLab } from '@pgfleet/lab';
import { repository } from './repository';
import { say } from './report';
import { claimLab } from './single-run';

interface StageResult {
  stage: string;
  passed: number;
  failed: number;
  skipped: number;
  seconds: number;
  /** Failed tests, each with the start of its failure message. */
  failures?: string[];
}

/** The parts of Jest's JSON output that are read here. */
interface JestResults {
  numPassedTests: number;
  numFailedTests: number;
  numRuntimeErrorTestSuites: number;
  numPendingTests: number;
  numTodoTests: number;
  testResults: {
    name: string;
    message: string;
    assertionResults: { status: string; fullName: string; failureMessages: string[] }[];
  }[];
}

/** The lab of the tests, separate from the one that `npm start` uses; the environment can change it. */
const testLab = {
  PGFLEET_LAB: process.env.PGFLEET_TEST_LAB ?? 'pgftest',
  PGFLEET_SUBNET: process.env.PGFLEET_TEST_SUBNET ?? '10.78.0.0/24',
  PGFLEET_STATE: process.env.PGFLEET_TEST_STATE ?? '/var/lib/pgfleet/pgftest',
};

const hangingMs = 30_000;

let interrupted = false;
const running = new Set<ReturnType<typeof spawn>>();

function run(command: string, args: string[], env: NodeJS.ProcessEnv = {}): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: repository,
      stdio: 'inherit',
      env: { ...process.env, ...env },
    });
    running.add(child);
    child.on('error', reject).on('close', (code) => {
      running.delete(child);
      resolve(code ?? 1);
    });
  });
}

/** A tool that passes or fails counts as one test. */
async function check(stage: string, command: string, args: string[]): Promise<StageResult> {
  const begun = Date.now();
  say(`${stage}: ${command} ${args.join(' ')}`);
  // Nx would leave a daemon running after us.
  const ok = (await run(command, args, { NX_DAEMON: 'false' })) === 0;
  return { stage, passed: ok ? 1 : 0, failed: ok ? 0 : 1, skipped: 0, seconds: (Date.now() - begun) / 1000 };
}

/** Ends a Jest that has its results but does not exit, because a failed spec left something open: that counts as a failure. */
function endIfHanging(results: string, stage: string): NodeJS.Timeout {
  let since: number | undefined;
  return setInterval(() => {
    if (!existsSync(results)) return;
    since ??= Date.now();
    if (Date.now() - since < hangingMs) return;
    since = Infinity;
    say(`${stage}: jest has its results and does not end; ending it`);
    for (const child of running) child.kill('SIGTERM');
  }, 1_000);
}

/** Runs a Jest project and counts its tests; a suite that could not even start counts as a failed test. */
async function jest(stage: string, args: string[], env: NodeJS.ProcessEnv = {}): Promise<StageResult> {
  const begun = Date.now();
  const folder = mkdtempSync(join(tmpdir(), 'pgfleet-test-'));
  const file = join(folder, 'result.json');
  say(`${stage}: jest`);
  try {
    const program = join(repository, 'node_modules', 'jest', 'bin', 'jest.js');
    const ended = run(
      process.execPath,
      [program, '--selectProjects', stage, '--json', `--outputFile=${file}`, ...args],
      env,
    );
    const hanging = endIfHanging(file, stage);
    const code = await ended.finally(() => clearInterval(hanging));
    const seconds = (Date.now() - begun) / 1000;
    const results = JSON.parse(readFileSync(file, 'utf8')) as JestResults;
    const failed = results.numFailedTests + results.numRuntimeErrorTestSuites;
    return {
      stage,
      passed: results.numPassedTests,
      failed: code !== 0 && failed === 0 ? 1 : failed,
      skipped: results.numPendingTests + results.numTodoTests,
      seconds,
      failures: failuresOf(results),
    };
  } catch (error) {
    say(`${stage} gave no result: ${String(error)}`);
    return { stage, passed: 0, failed: 1, skipped: 0, seconds: (Date.now() - begun) / 1000 };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Printed at the end, so that a log with its top cut off still says what failed. */
function failuresOf({ testResults }: JestResults): string[] {
  const begin = (message: string) =>
    stripVTControlCharacters(message).trim().split('\n').slice(0, 12).join('\n    ');
  return testResults.flatMap(({ name, message, assertionResults }) => {
    const failed = assertionResults.filter(({ status }) => status === 'failed');
    if (failed.length === 0 && assertionResults.length === 0)
      return [`${relative(repository, name)}\n    ${begin(message)}`];
    return failed.map(
      ({ fullName, failureMessages }) => `${fullName}\n    ${begin(failureMessages[0] ?? '')}`,
    );
  });
}

async function inTestLab(work: () => Promise<StageResult>): Promise<StageResult> {
  const settings = labSettings({ ...process.env, ...testLab });
  const release = claimLab(settings.lab);
  await ensureHostPackages(say);
  // Ends what a killed earlier run left.
  await stopLab(settings);
  await ensureImage(settings, say);
  try {
    return await work();
  } finally {
    await stopLab(settings);
    release();
  }
}

const stages: Record<string, (patterns: string[]) => Promise<StageResult[]>> = {
  checks: async () => [
    await check('types', 'npx', ['tsc', '-b']),
    // The rule of module boundaries reads Nx's graph of the projects, and lets everything pass where there is none.
    await check('projects', 'npx', ['nx', 'show', 'projects']),
    await check('lint', 'npx', ['eslint', '.']),
    await check('format', 'npx', ['prettier', '--check', '--log-level', 'warn', '.']),
    await check('spelling', 'npx', ['cspell', 'lint', '--no-progress', '--quiet']),
  ],
  unit: async (patterns) => [await jest('unit', patterns)],
  integration: async (patterns) => [
    await inTestLab(() => jest('integration', ['--runInBand', ...patterns], testLab)),
  ],
  e2e: async (patterns) => [await inTestLab(() => jest('e2e', ['--runInBand', ...patterns], testLab))],
  faults: async (patterns) => [await inTestLab(() => jest('faults', ['--runInBand', ...patterns], testLab))],
};

/** Losses in the middle of long work, on a separate cluster: with this stage the whole run would take more than an hour on two cores. */
const onlyWhenNamed: readonly string[] = ['faults'];

/**
 * `npm test`: runs every stage except those that must be named, or the named ones. `e2e/failover` runs the matching part of a
 * stage. A failed stage does not keep the next from running. `faults --shard i/n` runs that part of the fault matrix instead of
 * the stage's other specs; `--seed N` chooses other cases for its sample. Returns the exit code.
 */
export async function runTests(args: string[]): Promise<number> {
  const { values, positionals: names } = parseArgs({
    args,
    allowPositionals: true,
    options: { shard: { type: 'string' }, seed: { type: 'string' } },
  });
  const { shard, seed } = values;
  if (shard !== undefined && !/^\d+\/\d+$/.test(shard))
    throw new Error(`--shard ${shard}: say which part of how many, as 1/20`);
  if (shard !== undefined && names.join() !== 'faults')
    throw new Error('--shard is for the stage faults: npm test -- faults --shard 1/20');
  const patternsOf = (pattern: string | undefined) => {
    if (shard !== undefined) return ['--testPathPatterns=e2e/src/matrix.faults'];
    return pattern ? [`--testPathPatterns=${pattern}`] : [];
  };
  if (shard !== undefined) process.env.PGFLEET_FAULTS_SHARD = shard;
  if (seed !== undefined) process.env.PGFLEET_FAULTS_SEED = seed;
  const chosen = names.map((name) => name.split(/\/(.*)/s) as [stage: string, pattern?: string]);
  const unknown = chosen.find(([stage]) => !stages[stage])?.[0];
  if (unknown) throw new Error(`there is no stage ${unknown}; there are ${Object.keys(stages).join(', ')}`);
  // The children get Ctrl-C from the terminal as well; this process stays alive so that it can end the lab afterwards.
  const interrupt = (signal: NodeJS.Signals) => {
    interrupted = true;
    for (const child of running) child.kill(signal);
  };
  process.on('SIGINT', interrupt).on('SIGTERM', interrupt);

  const results: StageResult[] = [];
  const byDefault = Object.keys(stages).filter((stage) => !onlyWhenNamed.includes(stage));
  for (const [stage, pattern] of names.length ? chosen : byDefault.map((name) => [name] as const)) {
    if (interrupted) break;
    results.push(...((await stages[stage]?.(patternsOf(pattern))) ?? []));
  }
  const sum = (count: 'passed' | 'failed' | 'skipped') =>
    results.reduce((total, result) => total + result[count], 0);
  const failures = results.flatMap((result) => result.failures ?? []);
  if (failures.length > 0)
    process.stdout.write(`\nfailed:\n${failures.map((text) => `  ${text}\n`).join('')}`);
  process.stdout.write('\n');
  for (const { stage, passed, failed, skipped, seconds } of results) {
    const cells = [`${passed} passed`, `${failed} failed`, `${skipped} skipped`]
      .map((cell) => cell.padStart(12))
      .join('');
    process.stdout.write(`${stage.padEnd(14)}${cells}${`${seconds.toFixed(0)} s`.padStart(10)}\n`);
  }
  if (names.length === 0)
    for (const stage of onlyWhenNamed)
      process.stdout.write(`${stage.padEnd(14)}to be named: npm test -- ${stage}\n`);
  if (interrupted) process.stdout.write('interrupted\n');
  process.stdout.write(`${sum('passed')} passed, ${sum('failed')} failed, ${sum('skipped')} skipped\n`);
  return sum('failed') > 0 || interrupted ? 1 : 0;
}
