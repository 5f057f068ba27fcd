import { mkdirSync, readdirSync, readFileSync, rmSync, statfsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Inject, Injectable, Logger } from '@nestjs/common';
import { CONFIG, type Config } from '../config';
import { hasDied, ProcessIdentity, thisProcess } from './process-identity';

/** Magic numbers of statfs(2) for file systems that live in memory. */
const memory = new Set([0x01021994, 0x858458f6]);
const ownerFile = 'owner';

/** A running job's files: mode 0600 in a folder of mode 0700, removed when the job ends. */
export class JobDirectory {
  constructor(readonly path: string) {}

  file(name: string): string {
    return join(this.path, name);
  }

  async write(name: string, content: string): Promise<string> {
    await writeFile(this.file(name), content, { mode: 0o600, flag: 'wx' });
    return this.file(name);
  }

  remove(): Promise<void> {
    return rm(this.path, { recursive: true, force: true });
  }
}

/** PGFLEET_RUN_DIR: a folder for each running job, and one for the sockets of the ssh connections that jobs share. */
@Injectable()
export class RunDirectory {
  private readonly logger = new Logger(RunDirectory.name);
  private readonly jobs: string;
  readonly connections: string;

  constructor(@Inject(CONFIG) { PGFLEET_RUN_DIR }: Pick<Config, 'PGFLEET_RUN_DIR'>) {
    this.jobs = join(PGFLEET_RUN_DIR, 'jobs');
    this.connections = join(PGFLEET_RUN_DIR, 'ssh');
    for (const path of [this.jobs, this.connections]) mkdirSync(path, { recursive: true, mode: 0o700 });
    if (!memory.has(statfsSync(PGFLEET_RUN_DIR).type)) {
      this.logger.warn(`${PGFLEET_RUN_DIR} is not on tmpfs: secrets of running jobs touch a disk`);
    }
    this.sweep();
  }

  async forJob(): Promise<JobDirectory> {
    const directory = new JobDirectory(await mkdtemp(join(this.jobs, 'job-')));
    await directory.write(ownerFile, JSON.stringify(thisProcess));
    return directory;
  }

  /** Removes what killed runners left. Leaves the files of other live runners alone. */
  private sweep(): void {
    for (const name of readdirSync(this.jobs)) {
      const path = join(this.jobs, name);
      if (this.isAbandoned(path)) rmSync(path, { recursive: true, force: true });
    }
  }

  private isAbandoned(path: string): boolean {
    try {
      return hasDied(ProcessIdentity.parse(JSON.parse(readFileSync(join(path, ownerFile), 'utf8'))));
    } catch {
      // Without an owner, the folder is just being created or was left half-created; it contains no secret yet.
      return false;
    }
  }
}
