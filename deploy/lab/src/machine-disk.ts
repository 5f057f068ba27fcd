import { mkdirSync } from 'node:fs';
import type { MachinePaths } from './machine-paths';
import { runCommand } from './run-command';

/** Mounts a machine's disk: its own writes, over the image that it shares with all others. */
export async function mountDisk(image: string, paths: MachinePaths): Promise<void> {
  for (const dir of [paths.upper, paths.work, paths.root]) mkdirSync(dir, { recursive: true });
  const layers = `lowerdir=${image},upperdir=${paths.upper},workdir=${paths.work}`;
  await runCommand(['mount', '-t', 'overlay', 'overlay', '-o', layers, paths.root]);
}
