import { spawn } from 'node:child_process';

export interface CommandOptions {
  readonly input?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Exit codes, besides 0, that are not an error. */
  readonly accept?: readonly number[];
  /** Called for each line of standard output and standard error as it arrives. */
  readonly onLine?: (line: string) => void;
}

/** A program that failed. The message is one line: what ran, how it ended, its last output. */
export class CommandFailed extends Error {
  constructor(
    command: readonly string[],
    readonly exitCode: number | null,
    readonly output: string,
  ) {
    const last = output.trim().split('\n').slice(-3).join(' | ');
    super(`${command.slice(0, 4).join(' ')} ended with ${exitCode ?? 'a signal'}${last ? `: ${last}` : ''}`);
  }
}

/** Where the host's programs are, even for a root whose PATH has no sbin. */
export const SEARCH_PATH = `${process.env.PATH ?? '/usr/bin:/bin'}:/usr/sbin:/sbin`;

/** Runs a program to its end and returns its standard output; throws CommandFailed, or an Error when it cannot be started. */
export function runCommand(
  command: readonly [string, ...string[]],
  options: CommandOptions = {},
): Promise<string> {
  const [file, ...args] = command;
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, {
      env: { ...process.env, PATH: SEARCH_PATH, ...options.env },
      stdio: 'pipe',
    });
    let stdout = '';
    let stderr = '';
    const lines = lineSplitter(options.onLine);
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
      lines(text);
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
      lines(text);
    });
    // A program that does not read its input ends all the same; only how it ended matters.
    child.stdin.on('error', () => undefined);
    child.stdin.end(options.input ?? '');
    child.on('error', (error) => reject(new Error(`cannot run ${file}: ${error.message}`)));
    child.on('close', (code) => {
      if (code === 0 || (code !== null && options.accept?.includes(code))) resolve(stdout);
      else reject(new CommandFailed(command, code, stderr || stdout));
    });
  });
}

function lineSplitter(onLine?: (line: string) => void): (text: string) => void {
  if (!onLine) return () => undefined;
  let rest = '';
  return (text) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    lines.forEach(onLine);
  };
}
