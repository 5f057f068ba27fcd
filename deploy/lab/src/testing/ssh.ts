import { labPaths } from '../lab-paths';
import { runCommand } from '../run-command';
import type { LabSettings } from '../settings';

/** Runs a command on a machine over SSH, strictly checking its host key, and returns its output. */
export function ssh(settings: LabSettings, name: string, command: string): Promise<string> {
  const { sshConfig } = labPaths(settings);
  return runCommand(['ssh', '-F', sshConfig, '-o', 'BatchMode=yes', '-o', 'ConnectTimeout=2', name, command]);
}
