import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { serversRoot } from '@pgfleet/integration';

const deployed = join(__dirname, '../../../../deploy/ansible');

/**
 * The node image in its own mount namespace, with this machine's /tmp, /dev (with /dev/shm) and /proc. It gives Ansible 2.19
 * whatever the host has, in the runner's process tree and on the runner's files.
 */
const ansiblePlaybook = (root: string) => `#!/bin/sh
exec unshare --mount --propagation private -- sh -c '
  for dir in tmp dev proc; do mount --rbind "/$dir" "${root}/$dir" || exit 70; done
  exec chroot "${root}" sh -c "cd \\"\\$0\\" && exec ansible-playbook \\"\\$@\\"" "$PWD" "$@"' sh "$@"
`;

/** The product's ansible.cfg and plugins with a spec's own playbooks, and a program to run them with. */
export interface AnsibleRoot {
  readonly dir: string;
  readonly program: string;
  readonly runDir: string;
  playbook(name: string, yaml: string): void;
  remove(): void;
}

export const ansibleRoot = async (): Promise<AnsibleRoot> => {
  const dir = mkdtempSync('/tmp/pgfleet-ansible-');
  const runDir = mkdtempSync('/dev/shm/pgfleet-runner-');
  cpSync(join(deployed, 'ansible.cfg'), join(dir, 'ansible.cfg'));
  cpSync(join(deployed, 'plugins'), join(dir, 'plugins'), { recursive: true });
  mkdirSync(join(dir, 'roles'));
  const program = join(dir, 'ansible-playbook');
  writeFileSync(program, ansiblePlaybook(await serversRoot()));
  chmodSync(program, 0o755);
  return {
    dir,
    program,
    runDir,
    playbook: (name, yaml) => writeFileSync(join(dir, name), yaml),
    remove: () => [dir, runDir].forEach((path) => rmSync(path, { recursive: true, force: true })),
  };
};
