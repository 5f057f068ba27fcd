import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The compiled labd: tests run everything else from source, but labd is always a separate process. */
export const LABD_DIR = join(__dirname, '..', 'dist');

/** Identifies labd's code, so that a labd of an older build is detected and replaced (its machines do not notice). */
export function labdBuild(): string {
  const hash = createHash('sha256');
  for (const file of readdirSync(LABD_DIR)
    .filter((name) => name.endsWith('.js') && !name.endsWith('.spec.js'))
    .sort()) {
    hash.update(file).update(readFileSync(join(LABD_DIR, file)));
  }
  return hash.digest('hex').slice(0, 16);
}
