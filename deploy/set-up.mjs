#!/usr/bin/env node
// Installs the npm packages and builds, unless that is done already. Run under a lock by run.mjs; without a dependency, as that.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const projects = ['apps', 'libs', 'deploy', 'tools', 'e2e', 'bench'];
const notSources = new Set(['node_modules', 'dist', '.nx', 'ansible']);

const stamps = (root) => ({
  packages: join(root, 'node_modules', '.pgfleet-lock'),
  build: join(root, 'node_modules', '.pgfleet-build'),
});
const read = (file) => (existsSync(file) ? readFileSync(file, 'utf8') : '');
const lockOf = (root) =>
  createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');

/** Changes with every file that the compiler reads: by name, size and time, which takes milliseconds. */
function sourcesOf(root) {
  const hash = createHash('sha256').update(read(stamps(root).packages));
  const add = (path) => {
    const { mtimeMs, size } = statSync(path);
    hash.update(`${path} ${mtimeMs} ${size}\n`);
  };
  const walk = (folder) => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) {
        if (!notSources.has(entry.name)) walk(path);
      } else if (/\.(ts|json|mjs|cjs)$/.test(entry.name)) add(path);
    }
  };
  for (const project of projects) walk(join(root, project));
  for (const file of ['tsconfig.json', 'tsconfig.base.json']) add(join(root, file));
  return hash.digest('hex');
}

/** Whether the packages are installed and everything is built from the sources as they are. */
export const isSetUp = (root) =>
  read(stamps(root).packages) === lockOf(root) && read(stamps(root).build) === sourcesOf(root);

function step(root, what, command, args) {
  const started = Date.now();
  process.stderr.write(`pgfleet: ${what} …\n`);
  const { status, stdout, stderr } = spawnSync(command, args, {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 64 << 20,
  });
  if (status === 0) {
    process.stderr.write(`pgfleet: ${what}: ${((Date.now() - started) / 1000).toFixed(1)} s\n`);
    return;
  }
  process.stderr.write(`${stdout ?? ''}${stderr ?? ''}`);
  process.stderr.write(
    `pgfleet: ${command} ${args.join(' ')} ended with ${status ?? 'a signal'}; its output is above\n`,
  );
  process.exit(status === null ? 130 : 1);
}

function setUp(root) {
  const { packages, build } = stamps(root);
  if (read(packages) !== lockOf(root)) {
    rmSync(build, { force: true });
    step(root, 'installing npm packages', 'npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error']);
    writeFileSync(packages, lockOf(root));
  }
  const sources = sourcesOf(root);
  if (read(build) === sources) return;
  rmSync(build, { force: true });
  // All projects in one process: half the time of a process for each, as `npm run build` has it.
  step(root, 'building', process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-b']);
  writeFileSync(build, sources);
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  setUp(dirname(dirname(fileURLToPath(import.meta.url))));
