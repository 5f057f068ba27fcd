import { Inject, Injectable } from '@nestjs/common';
import { type PlaybookJob, ProblemError } from '@pgfleet/contracts';
import { OperationLog } from '@pgfleet/messaging';
import { CONFIG, type Config } from '../config';
import type { Ending, Execution, Executor } from '../jobs/execution';
import { FileTail } from '../output/file-tail';
import { JobLog } from '../output/job-log';
import { LineSplitter } from '../output/line-splitter';
import { readLines } from '../output/read-lines';
import { SecretMask } from '../output/secret-mask';
import { GuardedProcess } from '../process/guarded-process';
import { type JobDirectory, RunDirectory } from '../process/run-directory';
import { runToEnd } from '../process/run-to-end';
import { knownHosts } from '../ssh/ssh-files';
import { ansibleEnvironment } from './ansible-environment';
import { dataYaml } from './data-yaml';
import { hostsOf, inventory } from './inventory';
import { JobSecrets } from './job-secrets';
import { controlNode, PlaybookFailures } from './playbook-failures';
import { progressOf } from './progress-line';

interface PlaybookFiles {
  inventory: string;
  knownHosts: string;
  vars: string;
  secrets: string;
  progress: string;
}

/** Runs a playbook of PGFLEET_ANSIBLE_DIR; progress and output go to the operation's log while it runs. */
@Injectable()
export class PlaybookExecutor implements Executor<PlaybookJob> {
  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly runDirectory: RunDirectory,
    private readonly jobSecrets: JobSecrets,
    private readonly operationLog: OperationLog,
  ) {}

  async run(job: PlaybookJob, execution: Execution): Promise<Ending> {
    if (execution.stop.aborted) return { exitCode: null, failures: [], output: null };
    let secrets: Record<string, string>;
    try {
      secrets = await this.jobSecrets.of(job, execution.stop);
    } catch (error) {
      if (!(error instanceof ProblemError)) throw error;
      const message = `The secrets of ${job.secretsOf} cannot be had: ${error.problem.detail}`;
      return {
        exitCode: null,
        output: null,
        failures: [{ host: controlNode, task: 'reveal secrets', message }],
      };
    }
    const directory = await this.runDirectory.forJob();
    try {
      const files = await this.write(job, secrets, directory);
      return await this.play(job, execution, directory, files, new SecretMask(Object.values(secrets)));
    } finally {
      await directory.remove();
    }
  }

  private async write(
    job: PlaybookJob,
    secrets: Record<string, string>,
    directory: JobDirectory,
  ): Promise<PlaybookFiles> {
    const data = (name: string, value: unknown) => directory.write(name, dataYaml(value));
    const [inventoryFile, knownHostsFile, vars, secretsFile, progress] = await Promise.all([
      data('inventory.json', inventory(job.groups, this.runDirectory.connections)),
      directory.write('known_hosts', knownHosts(hostsOf(job.groups))),
      data('vars.json', job.vars),
      data('secrets.json', { secrets }),
      directory.write('progress', ''),
    ]);
    return { inventory: inventoryFile, knownHosts: knownHostsFile, vars, secrets: secretsFile, progress };
  }

  private async play(
    job: PlaybookJob,
    { attempt, lifetime, stop }: Execution,
    directory: JobDirectory,
    files: PlaybookFiles,
    mask: SecretMask,
  ): Promise<Ending> {
    const log = new JobLog(this.operationLog, job, attempt, mask);
    const failures = new PlaybookFailures();
    const progressLines = new LineSplitter(mask.apply, mask.overlap);
    const onProgress = (line: string) => {
      const progress = progressOf(line);
      if (!progress) return;
      log.progress(progress);
      failures.onProgress(progress);
    };
    const tail = await FileTail.follow(files.progress, (chunk) =>
      progressLines.push(chunk).forEach(onProgress),
    );
    try {
      const child = new GuardedProcess(this.command(job, directory, files), lifetime);
      const onStderr = (line: string) => {
        log.raw('stderr', line);
        failures.onStderr(line);
      };
      const room = () => log.room();
      const output = [
        readLines(child.stdout, mask, (line) => log.raw('stdout', line), room),
        readLines(child.stderr, mask, onStderr, room),
      ];
      const exitCode = await runToEnd(child, output, stop);
      await tail.end();
      return { exitCode, failures: failures.of(exitCode), output: null };
    } finally {
      await tail.end();
      await log.flush();
    }
  }

  private command(job: PlaybookJob, directory: JobDirectory, files: PlaybookFiles) {
    const { PGFLEET_ANSIBLE_PLAYBOOK: program, PGFLEET_ANSIBLE_DIR: cwd } = this.config;
    const variables = ['-e', `@${files.vars}`, '-e', `@${files.secrets}`];
    return {
      jobId: job.id,
      argv: [program, '-i', files.inventory, ...variables, '--', job.playbook],
      cwd,
      env: ansibleEnvironment(this.config, directory, files),
      removes: files.secrets,
    };
  }
}
