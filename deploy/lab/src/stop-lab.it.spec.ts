import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LabNotRunning } from './lab-client';
import { LABD_PORT, labPaths } from './lab-paths';
import type { LabSettings } from './settings';
import { connectLab, startLabd } from './start-labd';
import { stopLab } from './stop-lab';
import { hostTraces, NOTHING } from './testing/host-traces';
import { ssh } from './testing/ssh';
import { endTestLab, testLab } from './testing/test-lab';

const spec = { role: 'test', sshKeys: [] };

describe('the end of a lab', () => {
  let settings: LabSettings;
  beforeEach(async () => {
    settings = await testLab();
  }, 300_000);
  afterEach(() => endTestLab(settings), 30_000);

  it('leaves nothing, and the lab beside it alone', async () => {
    const neighbour = await testLab();
    try {
      const [lab, other] = await Promise.all([startLabd(settings), startLabd(neighbour)]);
      await Promise.all([
        lab.create('same-name', spec),
        lab.create('dead', spec),
        other.create('same-name', spec),
      ]);
      await Promise.all([lab.get('same-name', 20), other.get('same-name', 20)]);
      await lab.setPower('dead', 'off');
      // An open connection keeps the namespace of a dead machine alive for minutes, and the cable with it.
      const open = `exec 3<>/dev/tcp/${settings.subnet.gateway}/${LABD_PORT}; sleep 600`;
      await ssh(settings, 'same-name', `setsid bash -c '${open}' >/dev/null 2>&1 </dev/null & sleep 0.3`);
      writeFileSync(labPaths(settings).access, '{}');
      await stopLab(settings);
      expect(await hostTraces(settings)).toEqual(NOTHING);
      expect(await ssh(neighbour, 'same-name', 'hostname')).toBe('same-name\n');
      await expect(connectLab(settings)).rejects.toThrow(LabNotRunning);
      await stopLab(settings);
    } finally {
      await endTestLab(neighbour);
    }
    expect(await hostTraces(neighbour)).toEqual(NOTHING);
  }, 60_000);

  it('can keep the data: the next start boots what ran, with the same address, key and disk', async () => {
    const lab = await startLabd(settings);
    const [runs] = await Promise.all([lab.create('runs', spec), lab.create('off', spec)]);
    await lab.get('runs', 20);
    await ssh(settings, 'runs', 'echo kept >/root/file');
    await lab.setPower('off', 'off');
    await stopLab(settings, { keepData: true });
    const { folders, ...rest } = await hostTraces(settings);
    expect(folders).toEqual([settings.stateDir]);
    expect({ ...rest, folders: [] }).toEqual(NOTHING);

    const again = await startLabd(settings);
    expect(await again.get('runs', 20)).toMatchObject({
      address: runs.address,
      hostKey: runs.hostKey,
      state: 'running',
    });
    expect(await ssh(settings, 'runs', 'cat /root/file')).toBe('kept\n');
    expect((await again.get('off')).state).toBe('off');
  }, 60_000);

  it('copes with a run that was killed half-way, whether one goes on or stops', async () => {
    const lab = await startLabd(settings);
    await lab.create('whole', spec);
    process.kill((await lab.info()).pid, 'SIGKILL');
    // The state after labd is killed before it wrote the machine's record.
    const half = join(labPaths(settings).machines, 'half', 'upper', 'etc');
    mkdirSync(half, { recursive: true });
    writeFileSync(join(half, 'hostname'), 'half\n');

    const next = await startLabd(settings);
    expect((await next.list()).map(({ name }) => name)).toEqual(['whole']);
    expect((await next.create('half', spec)).state).toBe('booting');
    process.kill((await next.info()).pid, 'SIGKILL');
    await stopLab(settings);
    expect(await hostTraces(settings)).toEqual(NOTHING);
  }, 60_000);

  it("refuses a state folder that is another lab's, and a lab whose state is elsewhere, and says so", async () => {
    await startLabd(settings);
    await expect(startLabd({ ...settings, lab: 'other' })).rejects.toThrow(/holds lab/);
    const elsewhere = { ...settings, stateDir: `${settings.stateDir}-elsewhere` };
    await expect(stopLab(elsewhere)).rejects.toThrow(/runs with its state in/);
    await expect(connectLab(elsewhere)).rejects.toThrow(LabNotRunning);
    await connectLab(settings);
  }, 30_000);
});
