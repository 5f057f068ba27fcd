import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Cgroup } from './cgroup';
import { withFileLock } from './file-lock';
import { LabClient, LabNotRunning } from './lab-client';
import { labPaths, type LabPaths } from './lab-paths';
import { LABD_DIR, labdBuild } from './labd-build';
import { SEARCH_PATH } from './run-command';
import { claimState, refuseOtherState, stateOwner } from './state-claim';
import { settingsEnvironment, type LabSettings } from './settings';

/** Milliseconds until labd must listen; before that it switches on machines kept from an earlier run. */
const START_TIMEOUT = 60_000;

/**
 * Returns a client of the lab's labd. Starts labd if it is not running, and replaces one of another build: machines do not
 * notice. labd outlives its starter. Two concurrent starts result in one labd.
 */
export async function startLabd(settings: LabSettings): Promise<LabClient> {
  const paths = labPaths(settings);
  refuseOtherState(settings, paths);
  mkdirSync(paths.state, { recursive: true, mode: 0o711 });
  return withFileLock(paths.lock, async () => {
    claimState(settings, paths);
    const client = new LabClient(settings);
    if (await runs(client)) return client;
    await new Cgroup(`${paths.cgroup}/labd`).kill();
    await launch(settings, paths, client);
    return client;
  });
}

/** A client of the running lab. Restarts a labd that died while its machines run; throws LabNotRunning if there is no lab. */
export async function connectLab(settings: LabSettings): Promise<LabClient> {
  const client = new LabClient(settings);
  try {
    await client.info();
    return client;
  } catch (error) {
    const paths = labPaths(settings);
    const died = existsSync(stateOwner(paths)) && new Cgroup(paths.cgroup).exists;
    if (error instanceof LabNotRunning && died) return startLabd(settings);
    throw error;
  }
}

async function runs(client: LabClient): Promise<boolean> {
  try {
    return (await client.info()).build === labdBuild();
  } catch (error) {
    if (error instanceof LabNotRunning) return false;
    throw error;
  }
}

async function launch(settings: LabSettings, paths: LabPaths, client: LabClient): Promise<void> {
  const log = openSync(paths.labdLog, 'a', 0o600);
  const child = spawn(process.execPath, [join(LABD_DIR, 'labd.js')], {
    detached: true,
    cwd: '/',
    stdio: ['ignore', log, log],
    env: { PATH: SEARCH_PATH, ...settingsEnvironment(settings) },
  });
  closeSync(log);
  child.unref();
  for (const deadline = Date.now() + START_TIMEOUT; !(await runs(client)); await delay(20)) {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error(lastWords(paths));
    if (Date.now() > deadline)
      throw new Error(`labd does not listen after ${START_TIMEOUT / 1000} s: see ${paths.labdLog}`);
  }
}

function lastWords(paths: LabPaths): string {
  const lines = readFileSync(paths.labdLog, 'utf8').trim().split('\n');
  return `labd did not start: ${lines.at(-1) ?? 'it said nothing'} (${paths.labdLog})`;
}
