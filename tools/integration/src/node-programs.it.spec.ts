import { chmodSync, cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runInImage } from './in-image';
import { serversRoot } from './image';

const repository = join(__dirname, '..', '..', '..');
const roles = join(repository, 'deploy', 'ansible', 'roles');
const role = join(roles, 'postgres_node');

/** Programs on a node are Python and use what the machine image has; their own tests are next to them. */
describe('what runs on a node', () => {
  it.each([
    ['its agent and its restore_command', 'tests', 18],
    ['what its agent knows from etcd', 'tests/etcd', 6],
    ["Patroni's patches", 'tests/patroni_patches', 20],
    ['its way to the pooler, and who stands in the way', 'tests/pooler', 9],
  ])(
    'passes its tests in the image that it runs in: %s',
    async (_, folderOfTests, atLeast) => {
      const data = mkdtempSync(join(tmpdir(), 'pgfleet-node-'));
      chmodSync(data, 0o755); // PostgreSQL is not root
      try {
        for (const folder of ['files', 'templates', 'tests'])
          cpSync(join(role, folder), join(data, folder), { recursive: true });
        const { exitCode, stderr } = await runInImage({
          root: await serversRoot(),
          data,
          user: 'root',
          argv: ['python3', '-B', '-m', 'unittest', 'discover', '-v', '-s', `/srv/${folderOfTests}`],
        });
        const ran = Number(/Ran (\d+) tests/.exec(stderr)?.[1] ?? 0);
        if (exitCode !== 0) throw new Error(stderr);
        expect(ran).toBeGreaterThanOrEqual(atLeast);
      } finally {
        rmSync(data, { recursive: true, force: true });
      }
    },
    60_000,
  );

  it('offers on each port what docs/how-it-works/connections.md says, behind the load balancer', async () => {
    const data = mkdtempSync(join(tmpdir(), 'pgfleet-ports-'));
    chmodSync(data, 0o755);
    try {
      cpSync(join(role, 'tests', 'ports'), data, { recursive: true });
      for (const name of ['postgres_node', 'load_balancer'])
        cpSync(join(roles, name), join(data, 'roles', name), { recursive: true });
      cpSync(join(repository, 'docs', 'how-it-works'), join(data, 'docs', 'how-it-works'), {
        recursive: true,
      });
      // A separate network: the ports are those of a load balancer and a node.
      const unittest = ['python3', '-B', '-m', 'unittest', 'discover', '-v', '-s', '/srv'];
      const { exitCode, stderr } = await runInImage({
        root: await serversRoot(),
        data,
        user: 'root',
        argv: ['unshare', '--net', ...unittest],
      });
      if (exitCode !== 0) throw new Error(stderr);
      expect(Number(/Ran (\d+) tests/.exec(stderr)?.[1] ?? 0)).toBeGreaterThanOrEqual(6);
    } finally {
      rmSync(data, { recursive: true, force: true });
    }
  }, 120_000);
});
