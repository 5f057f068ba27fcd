import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { Express } from 'express';
import { ensureBridge } from './bridge';
import { Cgroup } from './cgroup';
import { Hypervisor } from './hypervisor';
import { raiseInotifyLimit } from './inotify-limit';
import { LABD_PORT, labPaths } from './lab-paths';
import { labdApp } from './labd-app';
import { labdBuild } from './labd-build';
import { labdRoutes } from './labd-routes';
import { ensureNat } from './nat';
import { labSettings } from './settings';

/** The lab's hypervisor: one process per lab. Its machines survive its death unnoticed. */
async function main(): Promise<void> {
  const settings = labSettings();
  const paths = labPaths(settings);
  enterOwnGroup(`${paths.cgroup}/labd`);
  raiseInotifyLimit();
  await ensureBridge(settings, paths);
  await ensureNat(settings, paths);
  const hypervisor = new Hypervisor(settings, paths);
  await hypervisor.start();

  const subnet = settings.subnet.toString();
  const routes = labdRoutes(hypervisor, { lab: settings.lab, subnet, build: labdBuild(), pid: process.pid });
  await listen(labdApp(routes, token(paths.token)), { host: settings.subnet.gateway, port: LABD_PORT });
  rmSync(paths.socket, { force: true });
  await listen(labdApp(routes), { path: paths.socket });
  chmodSync(paths.socket, 0o600);
  console.log(
    `${new Date().toISOString()} lab ${settings.lab} on ${subnet}: ${hypervisor.list().length} machines`,
  );
}

/** Enters a separate group: it identifies labd, and stops it; and labd is no longer part of the session that happened to start it. */
function enterOwnGroup(name: string): void {
  const group = new Cgroup(name);
  group.create();
  writeFileSync(group.procs, String(process.pid));
}

function token(file: string): string {
  if (!existsSync(file)) writeFileSync(file, `${randomBytes(32).toString('hex')}\n`, { mode: 0o600 });
  return readFileSync(file, 'utf8').trim();
}

function listen(app: Express, where: { host: string; port: number } | { path: string }): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer(app);
    server.once('error', reject);
    server.listen(where, () => resolve(server));
  });
}

process.on('SIGTERM', () => process.exit(0));
main().catch((error: unknown) => {
  console.error(`labd: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(1);
});
