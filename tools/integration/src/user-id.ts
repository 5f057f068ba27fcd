import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The uid and gid of a user of the root file system. */
export const userId = (root: string, user: string): { uid: number; gid: number } => {
  const line = readFileSync(join(root, 'etc/passwd'), 'utf8')
    .split('\n')
    .find((entry) => entry.startsWith(`${user}:`));
  if (!line) throw new Error(`${root} has no user ${user}`);
  const [, , uid, gid] = line.split(':');
  return { uid: Number(uid), gid: Number(gid) };
};
