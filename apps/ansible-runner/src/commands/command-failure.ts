import type { CommandJob, JobHost, JobResult } from '@pgfleet/contracts';
import { exitWords } from '../process/exit-words';
import { unreachableWords } from '../ssh/unreachable-words';

/** Never the command's own exit code: see `runScript`. */
const sshFailed = 255;
const messageLimit = 2000;
const taskLimit = 120;
const keptLines = 12;

/** Keeps the last lines that were added. */
export class LastLines {
  private readonly lines: string[] = [];

  add(line: string): void {
    if (line.trim() === '') return;
    this.lines.push(line);
    if (this.lines.length > keptLines) this.lines.shift();
  }

  get text(): string {
    return this.lines.join('\n');
  }
}

/** The command, as failures name it. */
export const commandTask = ({ argv }: CommandJob): string => argv.join(' ').slice(0, taskLimit);

export interface Said {
  stdout: string;
  stderr: string;
  /** ssh's own error messages. */
  ssh: string;
}

const messageOf = (exitCode: number, said: Said): string => {
  if (exitCode === sshFailed) return unreachableWords(said.ssh || 'the connection was lost');
  return `${exitWords(exitCode)}: ${said.stderr || said.stdout || 'it said nothing'}`;
};

/** Why a command failed on a machine, in words for a person; empty for exit code 0. */
export const commandFailures = (
  job: CommandJob,
  host: JobHost,
  exitCode: number,
  said: Said,
): JobResult['failures'] =>
  exitCode === 0
    ? []
    : [
        {
          host: host.name,
          task: commandTask(job),
          message: messageOf(exitCode, said).slice(0, messageLimit),
        },
      ];
