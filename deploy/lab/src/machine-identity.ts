import { randomUUID } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runCommand } from './run-command';

export interface MachineIdentity {
  readonly name: string;
  readonly address: string;
  readonly sshKeys: readonly string[];
}

/**
 * Writes a machine's identity to its disk: name, machine id, host key, who may log in, name servers. Returns the public host key,
 * so that clients can verify it from the first connection on.
 */
export async function writeIdentity(disk: string, identity: MachineIdentity): Promise<string> {
  const { name, address, sshKeys } = identity;
  mkdirSync(join(disk, 'etc', 'ssh'), { recursive: true });
  mkdirSync(join(disk, 'root', '.ssh'), { recursive: true });
  chmodSync(join(disk, 'root'), 0o700);
  chmodSync(join(disk, 'root', '.ssh'), 0o700);
  writeFileSync(join(disk, 'etc', 'hostname'), `${name}\n`);
  writeFileSync(join(disk, 'etc', 'hosts'), `127.0.0.1 localhost\n::1 localhost\n${address} ${name}\n`);
  writeFileSync(join(disk, 'etc', 'machine-id'), `${randomUUID().replaceAll('-', '')}\n`);
  writeFileSync(join(disk, 'etc', 'resolv.conf'), nameServers());
  writeFileSync(join(disk, 'root', '.ssh', 'authorized_keys'), sshKeys.map((key) => `${key}\n`).join(''), {
    mode: 0o600,
  });
  return generateKey(join(disk, 'etc', 'ssh', 'ssh_host_ed25519_key'), name);
}

/** Creates an ed25519 key pair at `file` and `file`.pub, if there is none, and returns the public half without its comment. */
export async function generateKey(file: string, comment: string): Promise<string> {
  if (!existsSync(`${file}.pub`)) {
    await runCommand(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-C', comment, '-f', file]);
  }
  return readFileSync(`${file}.pub`, 'utf8').split(' ').slice(0, 2).join(' ');
}

/** The host's name servers. When the host uses a stub on its loopback, returns the servers behind the stub. */
function nameServers(): string {
  const files = ['/etc/resolv.conf', '/run/systemd/resolve/resolv.conf'];
  for (const file of files.filter((candidate) => existsSync(candidate))) {
    const lines = readFileSync(file, 'utf8').split('\n');
    const servers = lines.filter(
      (line) => /^nameserver\s/.test(line) && !/^nameserver\s+(127\.|::1)/.test(line),
    );
    if (servers.length > 0)
      return `${[...servers, ...lines.filter((line) => /^search\s/.test(line))].join('\n')}\n`;
  }
  return '';
}
