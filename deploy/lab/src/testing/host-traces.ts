import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { groupFolders } from '../cgroup';
import { labPaths } from '../lab-paths';
import { mountsUnder } from '../mounts';
import { runCommand } from '../run-command';
import type { LabSettings } from '../settings';

/** Everything of a lab that is on the host, by kind: all lists are empty when nothing is left. */
export async function hostTraces(settings: LabSettings): Promise<Record<string, string[]>> {
  const paths = labPaths(settings);
  const ruleset = await runCommand(['nft', 'list', 'ruleset']);
  return {
    processes: processesOf(settings, paths.cgroup),
    mounts: mountsUnder(paths.state),
    links: readdirSync('/sys/class/net').filter((link) => link.startsWith(`${settings.lab}-`)),
    rules: ruleset.split('\n').filter((line) => line.includes(paths.natTable) || line.includes(paths.bridge)),
    groups: groupFolders(paths.cgroup).filter((path) => existsSync(path)),
    folders: [paths.state, `/run/pgfleet/${settings.lab}.state`].filter((path) => existsSync(path)),
    nspawn: nspawnFiles().filter((name) => name.startsWith(`${settings.lab}-`)),
  };
}

export const NOTHING = {
  processes: [],
  mounts: [],
  links: [],
  rules: [],
  groups: [],
  folders: [],
  nspawn: [],
};

function processesOf(settings: LabSettings, cgroup: string): string[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.filter((pid) => {
    const about = (file: string) => contentOf(`/proc/${pid}/${file}`);
    // An ended process that init has not yet reaped holds nothing.
    if (/^State:\tZ/m.test(about('status'))) return false;
    return about('cgroup').includes(`/${cgroup}/`) || about('cmdline').includes(settings.stateDir);
  });
}

function nspawnFiles(): string[] {
  const dirs = ['/run/systemd/nspawn/propagate', '/run/systemd/nspawn/unix-export'];
  return dirs.filter((dir) => existsSync(dir)).flatMap((dir) => readdirSync(dir));
}

/** Processes may come and go while this reads. */
function contentOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
