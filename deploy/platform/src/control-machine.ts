import { labPaths, type LabSettings } from '@pgfleet/lab';
import { mustRun, runProgram, type ProgramResult } from './run-program';

/** The machine that runs Ansible and the five services, over ssh. */
export class ControlMachine {
  readonly name = 'control1';
  private readonly config: string;

  constructor(settings: LabSettings) {
    this.config = labPaths(settings).sshConfig;
  }

  /** Runs a shell command there; throws when it fails. */
  run(command: string, options: { input?: string; onLine?: (line: string) => void } = {}): Promise<string> {
    return mustRun('ssh', this.argv(command), options);
  }

  /** Runs a shell command there, and returns its result even when it fails. */
  try(command: string): Promise<ProgramResult> {
    return runProgram('ssh', this.argv(command));
  }

  /** Writes a text file there, readable by root only. */
  async write(path: string, text: string): Promise<void> {
    await this.run(`install -D -m 600 /dev/stdin ${path}`, { input: text });
  }

  /** Makes `target` there the same as the local folder. */
  async copyFolder(folder: string, target: string): Promise<void> {
    const ssh = ['ssh', '-F', this.config, this.name].join(' ');
    const unpack = `rm -rf ${target} && mkdir -p ${target} && tar -x -C ${target}`;
    await mustRun('sh', ['-c', `tar -c --exclude=__pycache__ -C "$0" . | ${ssh} '${unpack}'`, folder]);
  }

  async copyFile(file: string, target: string): Promise<void> {
    await mustRun('scp', ['-q', '-F', this.config, file, `${this.name}:${target}`]);
  }

  private argv(command: string): string[] {
    return ['-F', this.config, '-o', 'LogLevel=ERROR', this.name, command];
  }
}
