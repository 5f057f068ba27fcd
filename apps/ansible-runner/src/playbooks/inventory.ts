import type { JobHost, PlaybookJob } from '@pgfleet/contracts';
import { controlPath } from '../ssh/ssh-files';

/** Every machine of a job, once. */
export const hostsOf = (groups: PlaybookJob['groups']): JobHost[] => [
  ...new Map(
    Object.values(groups)
      .flat()
      .map((host) => [host.name, host]),
  ).values(),
];

/**
 * The job's groups as an inventory for Ansible's yaml plugin. The runner decides how to reach a machine: `ansible_host` and the
 * like come after the job's own variables for that host.
 */
export const inventory = (groups: PlaybookJob['groups'], controlDirectory: string): unknown => {
  const group = (hosts: PlaybookJob['groups'][string]) => ({
    hosts: Object.fromEntries(
      hosts.map((host) => [
        host.name,
        {
          ...host.vars,
          ansible_host: host.address,
          ansible_user: host.user,
          ansible_control_path: controlPath(controlDirectory, host),
        },
      ]),
    ),
  });
  const children = Object.fromEntries(Object.entries(groups).map(([name, hosts]) => [name, group(hosts)]));
  return { all: { children } };
};
