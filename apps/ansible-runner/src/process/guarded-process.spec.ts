import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { newId } from '@pgfleet/contracts';
import { isAlive, processesOfJob } from '../testing/processes-of-job';
import { GuardedProcess, type Lifetime, outputGraceMs } from './guarded-process';
import { uptime } from './uptime';

// The specs start processes, on a machine that may be busy.
jest.setTimeout(30_000);

/** Hundredths of a second. */
const in1s = () => uptime() + 100;

describe('a guarded process', () => {
  let dir: string;
  beforeAll(() => (dir = mkdtempSync(join(tmpdir(), 'guarded-'))));
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  const heart = (until = in1s()) => {
    const listeners = new Set<(until: number) => void>();
    const lifetime: Lifetime = {
      until,
      onRenewed: (listener) => {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
    };
    return { lifetime, beat: (moment: number) => listeners.forEach((listener) => listener(moment)) };
  };
  const guard = (script: string, lifetime: Lifetime, removes?: string) => {
    const jobId = newId('job');
    const env = { PATH: process.env.PATH ?? '' };
    const argv = ['sh', '-c', script];
    const child = new GuardedProcess({ jobId, argv, cwd: dir, env, ...(removes && { removes }) }, lifetime);
    let said = '';
    child.stdout.on('data', (chunk) => (said += chunk));
    child.stderr.on('data', (chunk) => (said += chunk));
    return { jobId, child, said: () => said };
  };
  const running = async (jobId: string, count: number): Promise<number[]> => {
    for (;;) {
      const pids = processesOfJob(jobId);
      if (pids.length >= count) return pids;
      await pause(5);
    }
  };

  it('passes output and exit code on, and nothing of its own', async () => {
    const { child, said } = guard('echo out; echo err >&2; exit 7', heart().lifetime);
    expect(await child.ended).toBe(7);
    expect(said().split('\n').sort()).toEqual(['', 'err', 'out']);
  });

  it('tells of a signal as a shell does', async () => {
    expect(await guard('kill -TERM $$', heart().lifetime).child.ended).toBe(143);
  });

  it('lives on with every heartbeat', async () => {
    // Each heartbeat covers more time than this process may stall between two of them.
    const { lifetime, beat } = heart(uptime() + 100);
    const { child } = guard('sleep 1.5', lifetime);
    for (let beats = 0; beats < 6; beats += 1) {
      beat(uptime() + 100);
      await pause(250);
    }
    expect(await child.ended).toBe(0);
  });

  it('is killed when the heartbeats stop, with children in sessions of their own', async () => {
    const { child, jobId, said } = guard(
      'setsid sleep 60 & (trap "" TERM HUP INT; sleep 61) & sleep 62',
      heart(uptime() + 50).lifetime,
    );
    const pids = await running(jobId, 4);
    const started = Date.now();
    expect(await child.ended).toBe(137);
    expect(Date.now() - started).toBeLessThan(outputGraceMs);
    expect(pids.some(isAlive)).toBe(false);
    expect(said()).toBe('');
  });

  it('is not kept alive by a heartbeat that comes late', async () => {
    const { lifetime, beat } = heart(uptime() + 30);
    const { child } = guard('sleep 60', lifetime);
    const stale = uptime() + 10;
    await pause(150);
    beat(stale);
    expect(await child.ended).toBe(137);
  });

  it('is killed at once on request, and its file is gone', async () => {
    const secrets = join(dir, 'secrets.json');
    writeFileSync(secrets, '{}');
    const { child, jobId } = guard('sleep 60', heart(uptime() + 6000).lifetime, secrets);
    await running(jobId, 1);
    const asked = Date.now();
    child.kill();
    expect(await child.ended).toBe(137);
    expect(Date.now() - asked).toBeLessThan(outputGraceMs);
    expect(existsSync(secrets)).toBe(false);
  });

  it('does not survive a lease-exec that is killed itself', async () => {
    const { child, jobId } = guard('sleep 60', heart(uptime() + 6000).lifetime);
    const [pid = 0] = await running(jobId, 1);
    const parent = Number(/PPid:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
    process.kill(parent, 'SIGKILL');
    await child.ended;
    expect(processesOfJob(jobId)).toEqual([]);
  });

  it('first ends what an earlier run of the job has left', async () => {
    const jobId = newId('job');
    const leftover = spawn('sleep', ['60'], { env: { ...process.env, PGFLEET_JOB: jobId }, detached: true });
    await once(leftover, 'spawn');
    const env = { PATH: process.env.PATH ?? '' };
    const child = new GuardedProcess({ jobId, argv: ['true'], cwd: dir, env }, heart().lifetime);
    expect(await child.ended).toBe(0);
    expect(isAlive(leftover.pid ?? 0)).toBe(false);
  });

  it('leaves the connection that other jobs share', async () => {
    const jobId = newId('job');
    const env = { PATH: process.env.PATH ?? '', PGFLEET_JOB: jobId };
    const master = spawn('sleep', ['60'], { argv0: `ssh: ${dir}/socket [mux]`, env, detached: true });
    await once(master, 'spawn');
    const child = new GuardedProcess(
      { jobId, argv: ['true'], cwd: dir, env: { PATH: env.PATH } },
      heart().lifetime,
    );
    await child.ended;
    const alive = isAlive(master.pid ?? 0);
    master.kill('SIGKILL');
    expect(alive).toBe(true);
  });

  it('rejects when it cannot be started', async () => {
    const env = { PATH: process.env.PATH ?? '' };
    const child = new GuardedProcess(
      { jobId: newId('job'), argv: ['true'], cwd: '/no/such/folder', env },
      heart().lifetime,
    );
    await expect(child.ended).rejects.toThrow('ENOENT');
  });
});
