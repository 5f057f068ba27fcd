#!/usr/bin/env node
// Entry of the npm scripts. Plain JavaScript without a dependency: on a fresh machine nothing is installed yet when it starts.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const started = Date.now();

const say = (text) =>
  process.stderr.write(`${((Date.now() - started) / 1000).toFixed(1).padStart(6)} s  ${text}\n`);

function stop(message) {
  process.stderr.write(`pgfleet: ${message}\n`);
  process.exit(1);
}

function run(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    // Nx would leave a daemon running after us.
    const env = { ...process.env, NX_DAEMON: 'false', NX_TUI: 'false', ...options.env };
    const child = spawn(command, args, {
      cwd: root,
      env,
      stdio: options.quiet ? ['ignore', 'pipe', 'pipe'] : 'inherit',
    });
    let output = '';
    child.stdout?.on('data', (data) => (output += data));
    child.stderr?.on('data', (data) => (output += data));
    // The terminal sends Ctrl-C to the whole group: the child ends by itself, and this process waits for its clean-up.
    const relay = (signal) => child.kill(signal);
    const wait = () => undefined;
    process.on('SIGINT', wait).on('SIGTERM', relay);
    child.on('error', reject);
    child.on('close', (code, signal) => {
      process.off('SIGINT', wait).off('SIGTERM', relay);
      resolve({ code: code ?? (signal === 'SIGINT' ? 130 : 143), output });
    });
  });
}

async function step(what, command, args) {
  say(what);
  const { code, output } = await run(command, args, { quiet: true });
  if (code !== 0) {
    process.stderr.write(output);
    stop(`${command} ${args.join(' ')} ended with ${code}; its output is above`);
  }
}

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  stop(
    `Node.js 20.19 or newer is needed, this is ${process.version}: install a newer one (https://nodejs.org)`,
  );
}
if (process.getuid?.() !== 0) stop('machines, bridges and mounts need root: run this as root');
if (!existsSync('/usr/bin/apt-get')) stop('this needs a Debian-like system: there is no apt-get');

const lock = createHash('sha256')
  .update(readFileSync(join(root, 'package-lock.json')))
  .digest('hex');
const stamp = join(root, 'node_modules', '.pgfleet-lock');
if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== lock) {
  await step('installing npm packages', 'npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error']);
  writeFileSync(stamp, lock);
}
await step('building', 'npx', ['nx', 'run-many', '-t', 'build', '--output-style=static']);

const { code } = await run('node', [
  '--enable-source-maps',
  join(root, 'deploy/platform/dist/cli.js'),
  ...process.argv.slice(2),
]);
process.exitCode = code;
