import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, renameSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Cgroup, removeGroups } from './cgroup';
import { withFileLock } from './file-lock';
import { imageRecipe, type ImageRecipe } from './image-recipe';
import { labPaths } from './lab-paths';
import { unmountUnder } from './mounts';
import { CommandFailed, runCommand } from './run-command';
import type { LabSettings } from './settings';

/** Receives progress messages, one line at a time. */
export type Progress = (line: string) => void;

/** The result of ensureImage: the image's key, its folder, and whether it was built just now. */
export interface ImageResult {
  readonly key: string;
  readonly dir: string;
  readonly built: boolean;
  readonly seconds: number;
}

/** The folder of the image `key`, built or not. */
export function imageDir(settings: LabSettings, key: string): string {
  return join(labPaths(settings).images, key);
}

/**
 * Ensures that the image of the current recipe exists. A build goes to a separate folder and is renamed once complete, so half an
 * image never exists. A second builder waits for the first and uses its result. `signal` ends a build and removes it; the next
 * build removes what a killed builder left.
 */
export async function ensureImage(
  settings: LabSettings,
  progress: Progress = () => undefined,
  signal?: AbortSignal,
): Promise<ImageResult> {
  const recipe = imageRecipe();
  const dir = imageDir(settings, recipe.key);
  const started = Date.now();
  const seconds = () => (Date.now() - started) / 1000;
  if (existsSync(dir)) return { key: recipe.key, dir, built: false, seconds: 0 };

  const { images } = labPaths(settings);
  mkdirSync(images, { recursive: true });
  return withFileLock(
    join(images, '.lock'),
    async () => {
      if (existsSync(dir)) return { key: recipe.key, dir, built: false, seconds: seconds() };
      progress(
        `building image ${recipe.key}: ${recipe.packages.length} packages and what they need (about a minute)`,
      );
      await build(recipe, images, dir, stageReporter(progress, seconds), signal);
      progress(`image ${recipe.key} is ready after ${seconds().toFixed(0)} s`);
      return { key: recipe.key, dir, built: true, seconds: seconds() };
    },
    () => progress('another build of an image is under way: waiting for it'),
  );
}

async function build(
  recipe: ImageRecipe,
  images: string,
  dir: string,
  onLine: (line: string) => void,
  signal?: AbortSignal,
): Promise<void> {
  // All processes of a build are in one group: whatever a killed builder left running is ended before its folder is removed.
  const name = `pgfleet-image-${createHash('sha256').update(images).digest('hex').slice(0, 8)}`;
  const group = new Cgroup(name);
  await group.kill();
  await removeHalfBuilt(images);
  group.create();
  const tmp = join(images, `.building-${recipe.key}`);
  const abort = () => void group.kill();
  signal?.addEventListener('abort', abort);
  try {
    signal?.throwIfAborted();
    const command: [string, ...string[]] = ['sh', '-c', 'echo $$ >"$0" && exec "$@"', group.procs];
    await runCommand([...command, ...mmdebstrap(recipe, tmp)], { onLine }).catch((error: Error) => {
      signal?.throwIfAborted();
      throw new Error(`the image was not built: ${faultOf(error)}`);
    });
    // Packages were unpacked without waiting for the disk: wait once, so that a crash of the host cannot leave the image with empty files.
    await runCommand(['sync', '--file-system', tmp]);
    signal?.throwIfAborted();
    renameSync(tmp, dir);
  } finally {
    signal?.removeEventListener('abort', abort);
    await group.kill();
    await removeGroups(name);
    await removeHalfBuilt(images);
  }
}

function mmdebstrap(recipe: ImageRecipe, target: string): string[] {
  return [
    'mmdebstrap',
    ...recipe.options,
    `--include=${recipe.packages.join(',')}`,
    `--customize-hook=sh '${recipe.customize}' "$1"`,
    recipe.suite,
    target,
  ];
}

/** The error message of mmdebstrap and apt, without the output before it. */
function faultOf(error: Error): string {
  const lines = error instanceof CommandFailed ? error.output.split('\n') : [];
  const faults = lines.filter((line) => line.startsWith('E: '));
  return faults.length > 0 ? [...new Set(faults)].slice(0, 3).join(' | ') : error.message;
}

/** Only called under the lock, so no build is running. */
async function removeHalfBuilt(images: string): Promise<void> {
  for (const entry of readdirSync(images).filter((name) => name.startsWith('.building-'))) {
    await unmountUnder(join(images, entry));
    await rm(join(images, entry), { recursive: true, force: true });
  }
}

function stageReporter(progress: Progress, seconds: () => number): (line: string) => void {
  return (line) => {
    if (/^I: (?!success)/.test(line)) progress(`${seconds().toFixed(0).padStart(4)} s  ${line.slice(3)}`);
  };
}
