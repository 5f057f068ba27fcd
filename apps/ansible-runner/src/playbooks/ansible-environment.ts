import { join } from 'node:path';
import type { Config } from '../config';
import type { JobDirectory } from '../process/run-directory';
import { identityOptions } from '../ssh/ssh-files';

/**
 * The complete environment of ansible-playbook. The runner does not pass on its own environment: it holds the NATS password.
 * Settings that every installation shares are in deploy/ansible/ansible.cfg.
 */
export const ansibleEnvironment = (
  config: Pick<
    Config,
    'PGFLEET_ANSIBLE_DIR' | 'PGFLEET_SSH_KEY_FILE' | 'PGFLEET_CLUSTER_CA_DIR' | 'PGFLEET_PATRONI_PATCHES'
  >,
  directory: JobDirectory,
  files: { knownHosts: string; progress: string },
): Record<string, string> => ({
  PATH: process.env.PATH ?? '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  HOME: directory.path,
  // A module that is killed while running here leaves its folder in this directory, which is removed with the job.
  TMPDIR: directory.path,
  LANG: 'C.UTF-8',
  ANSIBLE_CONFIG: join(config.PGFLEET_ANSIBLE_DIR, 'ansible.cfg'),
  ANSIBLE_HOME: directory.file('ansible'),
  ANSIBLE_LOCAL_TEMP: directory.file('tmp'),
  ANSIBLE_NOCOLOR: '1',
  ANSIBLE_INVENTORY_ENABLED: 'yaml',
  ANSIBLE_PRIVATE_KEY_FILE: config.PGFLEET_SSH_KEY_FILE,
  ANSIBLE_SSH_COMMON_ARGS: identityOptions({ knownHostsFile: files.knownHosts }).join(' '),
  PGFLEET_PROGRESS: files.progress,
  PGFLEET_PATRONI_PATCHES: config.PGFLEET_PATRONI_PATCHES,
  ...(config.PGFLEET_CLUSTER_CA_DIR && { PGFLEET_CLUSTER_CA_DIR: config.PGFLEET_CLUSTER_CA_DIR }),
});
