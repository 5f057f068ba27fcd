import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Progress } from './image';
import { runCommand, SEARCH_PATH } from './run-command';

/** What the lab needs on the host (a program, or a file by its path), and the Debian package that provides it. */
const NEEDS: Readonly<Record<string, string>> = {
  'systemd-nspawn': 'systemd-container',
  mmdebstrap: 'mmdebstrap',
  nft: 'nftables',
  ip: 'iproute2',
  flock: 'util-linux',
  ssh: 'openssh-client',
  journalctl: 'systemd',
  '/usr/share/keyrings/debian-archive-keyring.gpg': 'debian-archive-keyring',
};

/** The packages that provide something that the lab needs and this host lacks. */
export function missingPackages(has: (need: string) => boolean = onHost): string[] {
  const missing = Object.entries(NEEDS).filter(([need]) => !has(need));
  return [...new Set(missing.map(([, name]) => name))];
}

/** Installs with apt-get what the lab needs on the host; does nothing when nothing is missing. */
export async function ensureHostPackages(progress: Progress = () => undefined): Promise<void> {
  const packages = missingPackages();
  if (packages.length === 0) return;
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  const started = Date.now();
  progress(`installing ${packages.join(', ')} on this host`);
  await runCommand(['apt-get', 'update', '-q'], { env });
  await runCommand(['apt-get', 'install', '-qy', '--no-install-recommends', ...packages], { env });
  progress(`installed after ${((Date.now() - started) / 1000).toFixed(0)} s`);
  const still = missingPackages();
  if (still.length > 0)
    throw new Error(`apt-get did not bring what ${still.join(', ')} should: install it by hand`);
}

/** Whether this host has a program, or a file given by its path. */
export function onHost(need: string): boolean {
  if (need.startsWith('/')) return existsSync(need);
  return SEARCH_PATH.split(':').some((folder) => folder !== '' && existsSync(join(folder, need)));
}
