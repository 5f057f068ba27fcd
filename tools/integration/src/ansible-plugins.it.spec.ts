import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runInImage } from './in-image';
import { serversRoot } from './image';

const plugins = join(__dirname, '..', '..', '..', 'deploy', 'ansible', 'plugins');

describe("Ansible's plugins", () => {
  it('pass their tests in the image that Ansible runs in', async () => {
    const data = mkdtempSync(join(tmpdir(), 'pgfleet-plugins-'));
    try {
      cpSync(plugins, data, { recursive: true });
      const { exitCode, stderr } = await runInImage({
        root: await serversRoot(),
        data,
        user: 'root',
        argv: ['python3', '-B', '-m', 'unittest', 'discover', '-v', '-s', '/srv/tests'],
      });
      if (exitCode !== 0) throw new Error(stderr);
      expect(Number(/Ran (\d+) tests/.exec(stderr)?.[1])).toBeGreaterThanOrEqual(11);
    } finally {
      rmSync(data, { recursive: true, force: true });
    }
  }, 60_000);
});
