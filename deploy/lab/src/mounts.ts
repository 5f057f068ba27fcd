import { readFileSync } from 'node:fs';
import { runCommand } from './run-command';

/** Mount points at or below `path`, deepest first: the order in which they can be unmounted. */
export function mountsUnder(
  path: string,
  mounts: string = readFileSync('/proc/self/mounts', 'utf8'),
): string[] {
  return mounts
    .split('\n')
    .map((line) => unescape(line.split(' ')[1] ?? ''))
    .filter((point) => point === path || point.startsWith(`${path}/`))
    .reverse();
}

/** Unmounts everything at or below `path`. */
export async function unmountUnder(path: string): Promise<void> {
  for (const point of mountsUnder(path)) {
    // Lazily, because a file that a process on the host keeps open (a log, a copy) must not keep a machine's disk mounted.
    await runCommand(['umount', '--lazy', point]);
  }
}

/** The kernel writes space, tab, newline and backslash in mount points as octal escapes. */
function unescape(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8)));
}
