import { readFile } from 'node:fs/promises';
import { Inject, Injectable } from '@nestjs/common';
import type { CommandJob } from '@pgfleet/contracts';
import { OperationLog } from '@pgfleet/messaging';
import { CONFIG, type Config } from '../config';
import type { Ending, Execution, Executor, StopReason } from '../jobs/execution';
import { JobLog } from '../output/job-log';
import { readLines } from '../output/read-lines';
import { SecretMask } from '../output/secret-mask';
import { GuardedProcess } from '../process/guarded-process';
import { type JobDirectory, RunDirectory } from '../process/run-directory';
import { runToEnd } from '../process/run-to-end';
import { knownHosts, sshCommand } from '../ssh/ssh-files';
import { CapturedOutput } from './captured-output';
import { commandFailures, LastLines } from './command-failure';
import { runScript, stopScript, unitOf } from './unit-script';

/** For the stop of a unit on its machine: systemd's own patience with it, and the way there. */
const stopMs = 40_000;
/** A command job brings no secrets with it. */
const noSecrets = new SecretMask([]);

interface Listener {
  stdout: (line: string) => void;
  stderr: (line: string) => void;
  room: () => Promise<void>;
}

/** Runs a command on a machine as a transient unit; its output goes to the operation's log while it runs. */
@Injectable()
export class CommandExecutor implements Executor<CommandJob> {
  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly runDirectory: RunDirectory,
    private readonly operationLog: OperationLog,
  ) {}

  async run(job: CommandJob, execution: Execution): Promise<Ending> {
    const directory = await this.runDirectory.forJob();
    const log = new JobLog(this.operationLog, job, execution.attempt, noSecrets);
    try {
      await directory.write('known_hosts', knownHosts([job.host]));
      const ending: Ending = execution.stop.aborted
        ? { exitCode: null, failures: [], output: null }
        : await this.execute(job, execution, directory, log);
      await this.stopUnit(job, execution, directory, log);
      return ending;
    } finally {
      await log.flush();
      await directory.remove();
    }
  }

  private async execute(
    job: CommandJob,
    execution: Execution,
    directory: JobDirectory,
    log: JobLog,
  ): Promise<Ending> {
    const captured = new CapturedOutput();
    const last = { stdout: new LastLines(), stderr: new LastLines() };
    const listener: Listener = {
      stdout: (line) => {
        log.output('stdout', line);
        last.stdout.add(line);
        if (job.capture) captured.add(line);
      },
      stderr: (line) => {
        log.output('stderr', line);
        last.stderr.add(line);
      },
      room: () => log.room(),
    };
    const script = runScript(job, Math.max(0, execution.deadline - Date.now()) / 1000);
    const { exitCode, ssh } = await this.onMachine(
      job,
      script,
      execution,
      execution.stop,
      directory,
      listener,
    );
    if (captured.truncated) log.note('The output is longer than what a result can hold: it was cut there.');
    return {
      exitCode,
      failures: commandFailures(job, exitCode, { stdout: last.stdout.text, stderr: last.stderr.text, ssh }),
      output: job.capture ? captured.text : null,
    };
  }

  /** A cancelled or late job: ending our ssh does not end its unit. A job that another runner goes on with is stopped by that one. */
  private async stopUnit(
    job: CommandJob,
    execution: Execution,
    directory: JobDirectory,
    log: JobLog,
  ): Promise<void> {
    const reason = execution.stop.aborted ? (execution.stop.reason as StopReason) : undefined;
    if (reason !== 'cancelled' && reason !== 'timed_out') return;
    const said = new LastLines();
    const listener: Listener = {
      stdout: () => undefined,
      stderr: (line) => said.add(line),
      room: () => Promise.resolve(),
    };
    const late = AbortSignal.timeout(stopMs);
    const { exitCode, ssh } = await this.onMachine(
      job,
      stopScript(job.id),
      execution,
      late,
      directory,
      listener,
    );
    const unit = unitOf(job.id);
    if (exitCode === 0) log.note(`${unit} is stopped on ${job.host.name}.`);
    else
      log.note(
        `${unit} could not be stopped on ${job.host.name}: ${ssh || said.text || `exit code ${exitCode}`}`,
      );
  }

  private async onMachine(
    job: CommandJob,
    script: string,
    { lifetime }: Execution,
    stop: AbortSignal,
    directory: JobDirectory,
    listener: Listener,
  ): Promise<{ exitCode: number; ssh: string }> {
    const sshLog = directory.file('ssh.log');
    const files = {
      keyFile: this.config.PGFLEET_SSH_KEY_FILE,
      knownHostsFile: directory.file('known_hosts'),
      controlDirectory: this.runDirectory.connections,
    };
    const child = new GuardedProcess(
      {
        jobId: job.id,
        argv: sshCommand(job.host, script, files, sshLog),
        cwd: directory.path,
        env: { PATH: process.env.PATH ?? '/usr/bin:/bin', HOME: directory.path, LANG: 'C.UTF-8' },
      },
      lifetime,
    );
    const output = [
      readLines(child.stdout, noSecrets, listener.stdout, listener.room),
      readLines(child.stderr, noSecrets, listener.stderr, listener.room),
    ];
    const exitCode = await runToEnd(child, output, stop);
    const ssh = (await readFile(sshLog, 'utf8').catch(() => '')).trim().split(/\r?\n/).at(-1) ?? '';
    return { exitCode, ssh };
  }
}
