import { accessSync, constants } from 'node:fs';
import { BaseEnv, parseEnv, Port } from '@pgfleet/observability';
import { z } from 'zod';

/** ssh and Ansible split option strings at blanks, and the path of a unix socket has at most 108 bytes. */
const Path = z.string().regex(/^\/[A-Za-z0-9._/-]+$/, 'must be an absolute path of A-Z a-z 0-9 . _ - /');
const ReadableFile = Path.refine((path) => {
  try {
    accessSync(path, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}, 'cannot be read');

/** Every variable that ansible-runner reads. */
export const Env = BaseEnv.extend({
  PGFLEET_HTTP_PORT: Port.default(8084),
  /** Private key that logs in on the machines. */
  PGFLEET_SSH_KEY_FILE: ReadableFile,
  /** The folder with ansible.cfg and the playbooks. */
  PGFLEET_ANSIBLE_DIR: Path,
  /** Folder with the CA that signs the certificates of cluster nodes; the roles look for it there. */
  PGFLEET_CLUSTER_CA_DIR: Path.optional(),
  /** `false`: nodes run Patroni as Debian ships it, without the patches of deploy/patroni. */
  PGFLEET_PATRONI_PATCHES: z.enum(['true', 'false']).default('true'),
  /** Inventories, secrets and ssh sockets of running jobs; on tmpfs, so that no secret reaches a disk. */
  PGFLEET_RUN_DIR: Path.max(60).default('/run/pgfleet-runner'),
  /** The program that runs playbooks: a path, or a name to look up in PATH. */
  PGFLEET_ANSIBLE_PLAYBOOK: z.string().default('ansible-playbook'),
  /** How many playbooks run at once. */
  PGFLEET_RUNNER_CONCURRENCY: z.coerce.number().int().min(1).max(64).default(4),
  /** How many commands run at once: each costs this machine only an ssh process, and a backup may take hours. */
  PGFLEET_RUNNER_COMMAND_CONCURRENCY: z.coerce.number().int().min(1).max(256).default(16),
});

export type Config = z.output<typeof Env>;
export const readConfig = (): Config => parseEnv(Env);

/** Injection token of the configuration. */
export const CONFIG = Symbol('config');
