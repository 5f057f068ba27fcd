import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Ran, RunProgram } from './pgbench-options';

export const runHere: RunProgram = (argv, env) => spawnToEnd(argv, '', env);

/** Runs a program to its end with this input. */
export const spawnToEnd = async (
  [program = '', ...args]: readonly string[],
  input: string,
  env: Readonly<Record<string, string>> = {},
): Promise<Ran> => {
  const child = spawn(program, args, { env: { ...process.env, ...env } });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (chunk) => (stdout += chunk));
  child.stderr.setEncoding('utf8').on('data', (chunk) => (stderr += chunk));
  // A program need not read its input to the end.
  child.stdin.on('error', () => undefined).end(input);
  const [code] = (await once(child, 'close')) as [number | null];
  return { stdout, stderr, code: code ?? 128 };
};
