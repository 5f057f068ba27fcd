import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const prefix = 'pgfleet-it-';

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

/** Removes what killed processes left behind. Their servers died with them. */
const removeLeftovers = (): void => {
  for (const name of readdirSync(tmpdir())) {
    const owner = Number(/^pgfleet-it-(\d+)-/.exec(name)?.[1]);
    if (owner && !isAlive(owner)) rmSync(join(tmpdir(), name), { recursive: true, force: true });
  }
};

/** Creates a folder for the data of this process's servers. If this process cannot remove it, the next spec does. */
export const makeWorkDir = (): string => {
  removeLeftovers();
  return mkdtempSync(join(tmpdir(), `${prefix}${process.pid}-`));
};
