import type { RunProgram } from './pgbench-options';
import { spawnToEnd } from './run-here';

/** Reads the environment from the standard input, so that no process list has it, here or there. */
const withEnvironment = `eval "$(cat)"; exec "$@"`;

/** Runs programs on a machine over ssh; `ssh` is the command with its options, `['ssh', '-F', config]`. */
export const runOverSsh =
  (ssh: readonly string[], machine: string): RunProgram =>
  (argv, env) => {
    const exported = Object.entries(env).map(([name, value]) => `export ${name}=${quoted(value)}\n`);
    const command = ['sh', '-c', withEnvironment, 'sh', ...argv].map(quoted).join(' ');
    return spawnToEnd([...ssh, machine, command], exported.join(''));
  };

/** One word of a shell, whatever is in it. */
const quoted = (word: string): string => `'${word.replaceAll("'", `'\\''`)}'`;
