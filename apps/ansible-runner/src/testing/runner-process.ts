import { join } from 'node:path';
import { ProgramProcess } from '@pgfleet/integration';
import type { AnsibleRoot } from './ansible-root';

/** The service itself, as a process that a spec can kill and freeze. */
export const startRunner = (
  natsUrl: string,
  ansible: Pick<AnsibleRoot, 'dir' | 'program' | 'runDir'>,
  env: Record<string, string> = {},
): ProgramProcess =>
  new ProgramProcess(join(__dirname, '..', 'main.ts'), {
    PGFLEET_NATS_URL: natsUrl,
    PGFLEET_HTTP_PORT: '0',
    PGFLEET_SSH_KEY_FILE: '/etc/hostname',
    PGFLEET_ANSIBLE_DIR: ansible.dir,
    PGFLEET_ANSIBLE_PLAYBOOK: ansible.program,
    PGFLEET_RUN_DIR: ansible.runDir,
    ...env,
  });
