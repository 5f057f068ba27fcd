import { spawn, type SpawnOptions } from 'node:child_process';

export interface ProgramResult {
  code: number;
  stdout: string;
  stderr: string;
}

interface RunOptions {
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  input?: string;
  /** Receives every line of both streams as it arrives. */
  onLine?: (line: string) => void;
}

/** Runs a program to its end, whatever its outcome. */
export function runProgram(
  command: string,
  args: string[],
  options: RunOptions = {},
): Promise<ProgramResult> {
  const spawnOptions: SpawnOptions = {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
  };
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, spawnOptions);
    const result: ProgramResult = { code: -1, stdout: '', stderr: '' };
    const collect = (stream: 'stdout' | 'stderr') => {
      let rest = '';
      child[stream]?.setEncoding('utf8').on('data', (data: string) => {
        result[stream] += data;
        const lines = (rest + data).split('\n');
        rest = lines.pop() ?? '';
        lines.forEach((line) => options.onLine?.(line));
      });
    };
    collect('stdout');
    collect('stderr');
    child.stdin?.on('error', () => undefined).end(options.input);
    child.on('error', reject).on('close', (code) => resolve({ ...result, code: code ?? -1 }));
  });
}

/** Runs a program that must succeed; throws with its last lines. */
export async function mustRun(command: string, args: string[], options: RunOptions = {}): Promise<string> {
  const { code, stdout, stderr } = await runProgram(command, args, options);
  if (code === 0) return stdout;
  const tail = `${stderr}\n${stdout}`.trim().split('\n').slice(-15).join('\n');
  throw new Error(`${command} ${args.slice(0, 4).join(' ')} ended with ${code}:\n${tail}`);
}
