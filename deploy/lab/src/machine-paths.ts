import { join } from 'node:path';
import type { LabPaths } from './lab-paths';

/** Where one machine's files are, and the names of its parts on the host. */
export function machinePaths(lab: LabPaths, name: string) {
  const dir = join(lab.machines, name);
  return {
    dir,
    record: join(dir, 'machine.json'),
    /** The machine's own disk: its differences from the image. */
    upper: join(dir, 'upper'),
    work: join(dir, 'work'),
    root: join(dir, 'root'),
    netns: join(dir, 'netns'),
    console: join(dir, 'console.log'),
    journal: join(dir, 'upper', 'var', 'log', 'journal'),
    cgroup: `${lab.cgroup}/machines/${name}`,
  };
}

export type MachinePaths = ReturnType<typeof machinePaths>;
