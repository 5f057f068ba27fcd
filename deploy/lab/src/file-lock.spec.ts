import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { withFileLock } from './file-lock';

describe('withFileLock', () => {
  const dir = mkdtempSync(join(tmpdir(), 'file-lock-'));
  const lock = join(dir, 'lock');
  afterAll(() => rmSync(dir, { recursive: true }));

  it('lets one in at a time', async () => {
    let inside = 0;
    const seen: number[] = [];
    const work = async () => {
      seen.push(++inside);
      await delay(20);
      inside--;
    };
    await Promise.all([1, 2, 3].map(() => withFileLock(lock, work)));
    expect(seen).toEqual([1, 1, 1]);
  });

  it('is free again after a failure', async () => {
    await expect(withFileLock(lock, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    await expect(withFileLock(lock, () => Promise.resolve('yes'))).resolves.toBe('yes');
  });
});
