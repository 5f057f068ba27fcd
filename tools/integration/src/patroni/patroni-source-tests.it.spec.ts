import { chmodSync, cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { serversRoot } from '../image';
import { runInImage } from '../in-image';

const run = promisify(execFile);
const files = join(__dirname, '../../../../deploy/ansible/roles/postgres_node/files');

/** The patches change foreign code: Patroni's own tests show whether everything else still works. */
describe("Patroni's own unit tests", () => {
  let root: string;
  let data: string;

  beforeAll(async () => {
    root = await serversRoot();
    data = mkdtempSync(join(tmpdir(), 'pgfleet-patroni-'));
    chmodSync(data, 0o755);
    const { stdout: version } = await run('chroot', [root, 'dpkg-query', '-Wf', '${Version}', 'patroni']);
    // Kept next to the images, outside the clone, under the version that it is built from.
    const source = join(root, '..', '..', `patroni-source-${version}`);
    await run('sh', [join(__dirname, 'fetch-source.sh'), root, source]);
    cpSync(source, join(data, 'source'), { recursive: true });
    rmSync(join(data, 'source/patroni'), { recursive: true });
    for (const name of ['patroni_patches', 'patch-patroni'])
      cpSync(join(files, name), join(data, name), { recursive: true });
    cpSync(join(__dirname, 'run_tests.py'), join(data, 'run_tests.py'));
  }, 300_000);

  afterAll(() => rmSync(data, { recursive: true, force: true }));

  const inImage = (script: string) =>
    runInImage({ root, data, user: 'root', argv: ['sh', '-c', `${script}; exit $?`] });

  it('pass with every patch', async () => {
    const made = await inImage(`
      sh /srv/patch-patroni apply /srv/patroni_patches /srv/copy /srv/status.json && cat /srv/status.json && mv /srv/copy/patroni /srv/source`);
    expect((JSON.parse(made.stdout) as { patched: string[] }).patched).toHaveLength(6);
    const { stdout, stderr } = await inImage('cd /srv/source && python3 -B /srv/run_tests.py');
    const said = JSON.parse(stdout.trim().split('\n').at(-1) ?? stderr) as { ran: number; failed: string[] };
    expect(said.failed).toEqual([]);
    expect(said.ran).toBeGreaterThan(600);
  }, 240_000);
});
