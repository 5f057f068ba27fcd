#!/usr/bin/env node
// Entry of the npm scripts. Plain JavaScript without a dependency: on a fresh machine nothing is installed yet when it starts.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isSetUp } from './set-up.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

function stop(message) {
  process.stderr.write(`pgfleet: ${message}\n`);
  process.exit(1);
}

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  stop(
    `Node.js 20.19 or newer is needed, this is ${process.version}: install a newer one (https://nodejs.org)`,
  );
}
if (process.getuid?.() !== 0) stop('machines, bridges and mounts need root: run this as root');
if (!existsSync('/usr/bin/apt-get')) stop('this needs a Debian-like system: there is no apt-get');

// One command sets up at a time, and what another one is running is left alone when nothing has changed since.
if (!isSetUp(root)) {
  const lock = join(root, '.nx', 'set-up.lock');
  mkdirSync(dirname(lock), { recursive: true });
  const setUp = (...options) =>
    spawnSync('flock', [...options, lock, process.execPath, join(root, 'deploy', 'set-up.mjs')], {
      stdio: 'inherit',
    });
  let { status, signal } = setUp('--nonblock', '--conflict-exit-code', '75');
  if (status === 75) {
    process.stderr.write('pgfleet: another command is installing or building here; waiting for it …\n');
    ({ status, signal } = setUp());
  }
  if (status !== 0) process.exit(status ?? (signal === 'SIGINT' ? 130 : 143));
}

// In this process: a second one would cost a tenth of a second, and Ctrl-C would have to be passed on.
process.setSourceMapsEnabled(true);
await import(join(root, 'deploy/platform/dist/cli.js'));
