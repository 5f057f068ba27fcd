import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { labPaths } from './lab-paths';
import { runCommand } from './run-command';
import { labSettings } from './settings';
import { writeSshConfig } from './ssh-config';

describe('writeSshConfig', () => {
  const stateDir = mkdtempSync(join(tmpdir(), 'ssh-config-'));
  const paths = labPaths({ ...labSettings({}), stateDir });
  afterAll(() => rmSync(stateDir, { recursive: true }));

  it('is understood by ssh: strict, with the known key and address', async () => {
    const shown = {
      role: 'etcd',
      state: 'running',
      network: 'up',
      fenced: false,
      labels: {},
      bootFailure: null,
      createdAt: '',
    } as const;
    writeSshConfig(paths, [{ ...shown, name: 'etcd1', address: '10.77.0.10', hostKey: 'ssh-ed25519 AAAA' }]);
    const config = await runCommand(['ssh', '-G', '-F', paths.sshConfig, 'etcd1']);
    expect(config).toContain('hostname 10.77.0.10\n');
    expect(config).toContain('user root\n');
    expect(config).toContain('stricthostkeychecking true\n');
    expect(config).toContain(`identityfile ${paths.sshKey}\n`);
    expect(readFileSync(paths.knownHosts, 'utf8')).toBe('etcd1,10.77.0.10 ssh-ed25519 AAAA\n');
  });
});
