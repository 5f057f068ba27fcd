import type { Operation } from '@pgfleet/contracts';
import { succeeds, testPlatform, testUser, until, untilCluster, type TestPlatform } from './platform';

const playbook = '/opt/pgfleet/ansible/cluster.yml';

/**
 * A creation that cannot succeed reports where it failed, why, and what to do. It resumes there once the cause is removed, and it
 * can be deleted.
 */
describe('a creation that cannot succeed', () => {
  let platform: TestPlatform;
  let userId: string;

  beforeAll(async () => {
    platform = await testPlatform();
    userId = await testUser(platform.api);
  });

  const create = async (name: string): Promise<{ operation: Operation; clusterId: string }> => {
    const operation = await platform.api.createCluster({ name, userId, nodes: 2 });
    return { operation, clusterId: operation.clusterId ?? '' };
  };

  const machinesOf = async (clusterId: string): Promise<string[]> =>
    (await platform.lab.list())
      .map(({ name }) => name)
      .filter((name) => name.startsWith(clusterId.slice(-12)));

  const remove = async (clusterId: string): Promise<void> => {
    const { id } = await platform.api.deleteCluster(clusterId);
    await succeeds(platform.api, id, 120_000);
    expect(await machinesOf(clusterId)).toEqual([]);
    await expect(platform.api.cluster(clusterId)).rejects.toMatchObject({ status: 404 });
  };

  const logLines = async (operationId: string): Promise<string[]> => {
    const lines: string[] = [];
    for (let after: number | null = 0; after !== null;) {
      const page: { items: { line: string }[]; next: number | null } = await platform.api.call(
        'GET',
        `/operations/${operationId}/log?limit=1000&after=${after}`,
      );
      lines.push(...page.items.map(({ line }) => line));
      after = page.next;
    }
    return lines;
  };

  /** Attempts of each step that succeeded before the failure: a retry does not repeat them. */
  const attempts = (operation: Operation, until: string) =>
    operation.steps
      .slice(
        0,
        operation.steps.findIndex(({ name }) => name === until),
      )
      .map(({ attempt }) => attempt);

  it('for want of capacity: fails at reserve, goes on after room was made', async () => {
    const { machines } = await platform.lab.capacity();
    await platform.lab.setCapacity(machines.used + 1);
    try {
      const { operation, clusterId } = await create('no-room');
      const failed = await platform.api.follow(operation.id, 60_000);
      expect(failed).toMatchObject({
        state: 'failed',
        error: {
          step: 'reserve',
          cause: expect.stringMatching(/3 machines are needed and there is room for 1/) as string,
          remedy: expect.stringMatching(/retry/) as string,
        },
      });
      expect(await platform.api.cluster(clusterId)).toMatchObject({ state: 'failed', members: [] });
      await platform.lab.setCapacity(machines.limit);
      await platform.api.retry(operation.id);
      await succeeds(platform.api, operation.id, 180_000);
      expect(await machinesOf(clusterId)).toHaveLength(3);
      await remove(clusterId);
    } finally {
      await platform.lab.setCapacity(machines.limit);
    }
  });

  it('for a broken playbook: fails at configure_nodes with the output at hand, goes on after it was mended', async () => {
    const broken =
      '- name: Broken on purpose\n  hosts: nodes\n  gather_facts: false\n  tasks:\n    - name: Break\n      ansible.builtin.fail:\n        msg: broken on purpose\n';
    await platform.on('control1', `cp ${playbook} ${playbook}.good && printf '%s' '${broken}' > ${playbook}`);
    let clusterId = '';
    try {
      const created = await create('broken-playbook');
      clusterId = created.clusterId;
      const failed = await platform.api.follow(created.operation.id, 120_000);
      expect(failed).toMatchObject({
        state: 'failed',
        error: { step: 'configure_nodes', cause: expect.stringContaining('broken on purpose') as string },
      });
      expect((await logLines(created.operation.id)).join('\n')).toContain('broken on purpose');
      await platform.on('control1', `mv ${playbook}.good ${playbook}`);
      await platform.api.retry(created.operation.id);
      const ended = await succeeds(platform.api, created.operation.id, 180_000);
      expect(attempts(ended, 'configure_nodes')).toEqual([1, 1]);
    } finally {
      await platform.on('control1', `[ ! -e ${playbook}.good ] || mv ${playbook}.good ${playbook}`);
    }
    await remove(clusterId);
  });

  it('for a machine that cannot be reached: names it in the log, and goes on by itself when it is back', async () => {
    const { operation, clusterId } = await create('unreachable');
    const victim = `${clusterId.slice(-12)}-2`;
    await until(
      () => platform.api.operation(operation.id),
      ({ steps }) => steps.find(({ name }) => name === 'boot_machines')?.state === 'succeeded',
      60_000,
      20,
    );
    await platform.lab.setNetwork(victim, 'cut');
    await until(
      () => logLines(operation.id),
      (lines) =>
        lines.some(
          (line) => line.startsWith('Attempt 1 failed') && line.includes(`${victim} cannot be reached`),
        ),
      120_000,
    );
    await platform.lab.setNetwork(victim, 'up');
    await succeeds(platform.api, operation.id, 240_000);
    await untilCluster(platform.api, clusterId, ({ state }) => state === 'ready', 30_000);
    // The first run configured the other machines, so the second finds nothing to change there.
    const last = (name: string) => recap.filter((line) => line.startsWith(name)).at(-1);
    const recap = (await logLines(operation.id)).filter((line) => / : ok=\d+ /.test(line));
    expect(last(`${clusterId.slice(-12)}-1`)).toMatch(/changed=0 /);
    expect(last(`${clusterId.slice(-12)}-lb`)).toMatch(/changed=0 /);
    expect(last(victim)).toMatch(/changed=1 /);
    await remove(clusterId);
  });
});
