import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { LABD_PORT, labPaths, type LabSettings, type MachineView } from '@pgfleet/lab';
import type { ControlMachine } from './control-machine';
import { platformGroups } from './platform-machines';
import type { Release } from './release';
import { say, timed } from './report';
import { repository } from './repository';

export interface Install {
  settings: LabSettings;
  control: ControlMachine;
  machines: MachineView[];
  release: Release;
  image: string;
}

const ansibleFolder = join(repository, 'deploy', 'ansible');
const home = '/opt/pgfleet';
const stampFile = `${home}/installed`;

const hashFolder = (folder: string): string => {
  const hash = createHash('sha256');
  const visit = (path: string): void => {
    for (const entry of readdirSync(path, { withFileTypes: true }).sort((a, b) =>
      a.name.localeCompare(b.name),
    )) {
      const child = join(path, entry.name);
      if (entry.isDirectory()) {
        if (entry.name !== '__pycache__') visit(child);
      } else hash.update(child).update(readFileSync(child));
    }
  };
  visit(folder);
  return hash.digest('hex').slice(0, 16);
};

/** The lab's inventory, as one would write it for other machines (`inventories/production.example.yml`); JSON is YAML. */
const inventory = ({ settings, machines, control }: Install): string => {
  const address = new Map(machines.map((machine) => [machine.name, machine.address]));
  const hosts = (names: readonly string[]) =>
    Object.fromEntries(
      names.map((name) => [
        name,
        { ansible_host: address.get(name), ...(name === control.name && { ansible_connection: 'local' }) },
      ]),
    );
  return JSON.stringify(
    {
      all: {
        vars: {
          ansible_user: 'root',
          ansible_ssh_private_key_file: `${home}/ssh_key`,
          machine_provider: 'lab',
          lab_url: `http://${settings.subnet.gateway}:${LABD_PORT}`,
          patroni_patches: process.env.PGFLEET_PATRONI_PATCHES !== 'false',
        },
        children: Object.fromEntries(
          Object.entries(platformGroups).map(([group, names]) => [group, { hosts: hosts(names) }]),
        ),
      },
    },
    null,
    2,
  );
};

/** A task's name when it begins, without Ansible's decoration. */
const taskName = (line: string): string | undefined => /^TASK \[(.+?)\]/.exec(line)?.[1];

/**
 * Installs etcd, NATS, the management database, the object store and the five services. It runs the playbook of a production
 * install on the control machine. Skipped when the same release and roles were installed on the same machines.
 */
export async function installPlatform(install: Install): Promise<void> {
  const { settings, control, machines, release, image } = install;
  const addresses = machines.map(({ name, address }) => `${name}=${address}`).join(' ');
  const patches = process.env.PGFLEET_PATRONI_PATCHES ?? 'true';
  const stamp = [hashFolder(ansibleFolder), release.key, image, addresses, patches].join('\n');
  const { stdout: installed } = await control.try(`cat ${stampFile}`);
  if (installed.trim() === stamp) return say('the control plane is installed already');

  const paths = labPaths(settings);
  await timed('copying release and playbooks to the control machine', async () => {
    await control.copyFolder(ansibleFolder, `${home}/ansible`);
    await control.copyFile(release.file, `${home}/release.tar.gz`);
    await control.write(`${home}/inventory.yml`, inventory(install));
    await control.write(`${home}/ssh_key`, readFileSync(paths.sshKey, 'utf8'));
    await control.write(
      `${home}/known_hosts`,
      machines.map(({ address, hostKey }) => `${address} ${hostKey}\n`).join(''),
    );
    await control.write(
      `${home}/lab-vars.json`,
      JSON.stringify({ lab_token: readFileSync(paths.token, 'utf8').trim() }),
    );
  });
  await timed('installing the control plane (ansible-playbook platform.yml)', () =>
    control.run(
      `cd ${home}/ansible && ANSIBLE_NOCOLOR=1 ANSIBLE_SSH_COMMON_ARGS='-o UserKnownHostsFile=${home}/known_hosts' ` +
        `ansible-playbook -i ${home}/inventory.yml -e @${home}/lab-vars.json platform.yml`,
      {
        onLine: (line) => {
          const task = taskName(line);
          if (task) say(`  ${task}`);
        },
      },
    ),
  );
  await control.write(stampFile, stamp);
}
