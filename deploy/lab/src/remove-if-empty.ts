import { rmdirSync } from 'node:fs';

/** Removes a folder that nobody has anything in; leaves it, or its absence, alone otherwise. */
export function removeIfEmpty(dir: string): void {
  try {
    rmdirSync(dir);
  } catch (error) {
    if (!['ENOTEMPTY', 'ENOENT', 'EBUSY'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
}
