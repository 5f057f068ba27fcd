import { readFile } from 'node:fs/promises';
import { Inject, Injectable } from '@nestjs/common';
import type { CommandJob, JobHost } from '@pgfleet/contracts';
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
import { commandFailures, commandTask, LastLines } from './command-failure';
import { runScript, stopScript, unitOf } from './unit-script';

/** How long stopping a unit on its machine may take: systemd's own stop timeout, and the trip there. */
const stopMs = 40_000;
/** A command job carries no secrets. */
const noSecrets = new SecretMask([]);

const hostsOf = ({ host, alsoOn }: CommandJob): JobHost[] => [host, ...alsoOn];

interface Listener {
  stdout: (line: string) => void;
  stderr: (line: string) => void;
  room: () => Promise<void>;
  /** Standard output, unchanged. */
  captured?: CapturedOutput;
}

/** Runs a command on its machines as a transient unit; its output goes to the operation's log while it runs. */
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
      await directory.write('known_hosts', knownHosts(hostsOf(job)));
      const ending: Ending = execution.stop.aborted
        ? { exitCode: null, failures: [], output: null }
        : await this.execute(job, execution, directory, log);
      await Promise.all(hostsOf(job).map((host) => this.stopUnit(job, host, execution, directory, log)));
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
    const hosts = hostsOf(job);
    const ran = await Promise.all(
      hosts.map((host) =>
        this.executeOn(
          host,
          job,
          execution,
          directory,
          log,
          job.capture && host === job.host ? captured : undefined,
        ),
      ),
    );
    const exitCode = ran.find((run) => run.exitCode !== 0)?.exitCode ?? 0;
    const failures = ran.flatMap((run) => run.failures);
    if (!job.capture) return { exitCode, failures, output: null };
    if (captured.fault) {
      log.note(captured.fault);
      const lost = { host: job.host.name, task: commandTask(job), message: captured.fault };
      return { exitCode, failures: [...failures, lost], output: null };
    }
    const output = captured.bytes;
    if (!job.logged) log.note(`${output.length} bytes of output are kept as the result of the job.`);
    return { exitCode, failures, output };
  }

  private async executeOn(
    host: JobHost,
    job: CommandJob,
    execution: Execution,
    directory: JobDirectory,
    log: JobLog,
    captured: CapturedOutput | undefined,
  ): Promise<{ exitCode: number; failures: Ending['failures'] }> {
    const last = { stdout: new LastLines(), stderr: new LastLines() };
    const of = job.alsoOn.length > 0 ? `${host.name}: ` : '';
    const listener: Listener = {
      stdout: (line) => {
        if (job.logged) log.output('stdout', of + line);
        last.stdout.add(line);
      },
      stderr: (line) => {
        log.output('stderr', of + line);
        last.stderr.add(line);
      },
      room: () => log.room(),
      ...(captured && { captured }),
    };
    const { attempt, stop } = execution;
    const secondsLeft = Math.max(0, execution.deadline - Date.now()) / 1000;
    const script = runScript(job, { attempt, secondsLeft });
    const { exitCode, ssh } = await this.onMachine(host, job, script, execution, stop, directory, listener);
    const said = { stdout: last.stdout.text, stderr: last.stderr.text, ssh };
    return { exitCode, failures: commandFailures(job, host, exitCode, said) };
  }

  /**
   * Stops the unit of a cancelled or late job: ending our ssh does not end the unit. When another runner has taken the job over,
   * that runner stops the unit.
   */
  private async stopUnit(
    job: CommandJob,
    host: JobHost,
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
    const script = stopScript(job.id);
    const { exitCode, ssh } = await this.onMachine(host, job, script, execution, late, directory, listener);
    const unit = unitOf(job.id);
    if (exitCode === 0) log.note(`${unit} is stopped on ${host.name}.`);
    else
      log.note(
        `${unit} could not be stopped on ${host.name}: ${ssh || said.text || `exit code ${exitCode}`}`,
      );
  }

  private async onMachine(
    host: JobHost,
    job: CommandJob,
    script: string,
    { lifetime }: Execution,
    stop: AbortSignal,
    directory: JobDirectory,
    listener: Listener,
  ): Promise<{ exitCode: number; ssh: string }> {
    const sshLog = directory.file(`ssh-${host.name}.log`);
    const files = {
      keyFile: this.config.PGFLEET_SSH_KEY_FILE,
      knownHostsFile: directory.file('known_hosts'),
      controlDirectory: this.runDirectory.connections,
    };
    const child = new GuardedProcess(
      {
        // The runner looks for remaining processes by this name when one has ended; on another machine the job may still be running.
        jobId: host === job.host ? job.id : `${job.id}-${host.name}`,
        argv: sshCommand(host, script, files, sshLog),
        cwd: directory.path,
        env: { PATH: process.env.PATH ?? '/usr/bin:/bin', HOME: directory.path, LANG: 'C.UTF-8' },
      },
      lifetime,
    );
    const output = [
      readLines(child.stdout, noSecrets, listener.stdout, listener.room, (chunk) =>
        listener.captured?.add(chunk),
      ).then((whole) => {
        if (!whole) listener.captured?.interrupted();
      }),
      readLines(child.stderr, noSecrets, listener.stderr, listener.room),
    ];
    const exitCode = await runToEnd(child, output, stop);
    const ssh = (await readFile(sshLog, 'utf8').catch(() => '')).trim().split(/\r?\n/).at(-1) ?? '';
    return { exitCode, ssh };
  }
}
