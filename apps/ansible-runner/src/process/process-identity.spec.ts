import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { hasDied, thisProcess } from './process-identity';

describe('hasDied', () => {
  it('is certain of a process of this machine only', async () => {
    const child = spawn('sleep', ['60']);
    await once(child, 'spawn');
    const stat = readFileSync(`/proc/${child.pid}/stat`, 'utf8');
    const startedAt = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
    const identity = { ...thisProcess, pid: child.pid ?? 0, startedAt };

    expect(hasDied(thisProcess)).toBe(false);
    expect(hasDied(identity)).toBe(false);
    child.kill('SIGKILL');
    await once(child, 'close');
    expect(hasDied(identity)).toBe(true);
    expect(hasDied({ ...identity, boot: 'another' })).toBe(false);
    expect(hasDied({ ...identity, namespace: 'pid:[1]' })).toBe(false);
  });

  it('is not deceived by a new process with an old PID', () => {
    expect(hasDied({ ...thisProcess, startedAt: '1' })).toBe(true);
  });
});
