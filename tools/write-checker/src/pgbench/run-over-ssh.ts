import type { RunProgram } from './pgbench-options';
import { spawnToEnd } from './run-here';

/** Reads the environment from standard input, so that it appears in no process list, here or there. */
const withEnvironment = `eval "$(cat)"; exec "$@"`;

/** Runs programs on a machine over ssh; `ssh` is the command with its options, `['ssh', '-F', config]`. */
export const runOverSsh =
  (ssh: readonly string[], machine: string): RunProgram =>
  (argv, env) => {
    const exported = Object.entries(env).map(([name, value]) => `export ${name}=${quoted(value)}\n`);
    const command = ['sh', '-c', withEnvironment, 'sh', ...argv].map(quoted).join(' ');
    return spawnToEnd([...ssh, machine, command], exported.join(''));
  };

/** Quotes any text as one shell word. */
const quoted = (word: string): string => `'${word.replaceAll("'", `'\\''`)}'`;
