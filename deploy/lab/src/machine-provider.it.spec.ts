import { readFileSync } from 'node:fs';
import {
  LabProvider,
  NoCapacity,
  NotOff,
  ProviderRefused,
  SpecConflict,
  timeLimited,
} from '@pgfleet/machines';
import type { LabClient } from './lab-client';
import { labPaths, LABD_PORT } from './lab-paths';
import type { LabSettings } from './settings';
import { startLabd } from './start-labd';
import { runCommand } from './run-command';
import { endTestLab, testLab } from './testing/test-lab';

describe('the lab as a machine provider', () => {
  let settings: LabSettings;
  let lab: LabClient;
  let provider: LabProvider;
  const spec = { name: 'abc-1', role: 'postgres_node', sshKeys: [] as string[], labels: { cluster: 'abc' } };

  beforeAll(async () => {
    settings = await testLab();
    lab = await startLabd(settings);
    provider = connect(readFileSync(labPaths(settings).token, 'utf8').trim());
  }, 300_000);
  afterAll(() => endTestLab(settings), 30_000);

  const connect = (token: string) =>
    new LabProvider({
      url: `http://${settings.subnet.gateway}:${LABD_PORT}`,
      token,
      outside: timeLimited(20_000),
    });

  it('makes a machine that takes the key it was given, once', async () => {
    const key = `${labPaths(settings).state}/customer`;
    await runCommand(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', key]);
    const wanted = { ...spec, sshKeys: [readFileSync(`${key}.pub`, 'utf8').trim()] };
    const machine = await provider.create(wanted);
    expect(await provider.create(wanted)).toMatchObject({ address: machine.address });
    expect(await provider.get('abc-1', 15)).toMatchObject({
      name: 'abc-1',
      role: 'postgres_node',
      state: 'running',
    });
    expect((await provider.capacity()).used).toBe(1);
    await expect(provider.create(spec)).rejects.toThrow(SpecConflict);

    const options = ['-F', labPaths(settings).sshConfig, '-i', key, '-o', 'BatchMode=yes'];
    expect(await runCommand(['ssh', ...options, 'abc-1', 'hostname'])).toBe('abc-1\n');
    await runCommand(['rm', key, `${key}.pub`]);
  }, 30_000);

  it('proves the power from the kernel, and knows nothing of a machine that is not there', async () => {
    expect((await provider.power('abc-1')).state).toBe('on');
    await lab.setFrozen('abc-1', true);
    expect((await provider.power('abc-1')).state).toBe('on');
    await lab.setPower('abc-1', 'off');
    expect(await provider.power('abc-1')).toMatchObject({ state: 'off', since: expect.any(String) });
    expect((await provider.get('abc-1'))?.state).toBe('off');
    expect(await provider.power('nobody')).toEqual({ state: 'unknown' });
    expect(await provider.get('nobody')).toBeNull();
  }, 30_000);

  it('keeps a machine that is off from being switched on, and fences none that it does not see off', async () => {
    expect(provider.provesPower).toBe(true);
    await provider.fence('abc-1');
    await provider.fence('abc-1');
    await expect(lab.setPower('abc-1', 'on')).rejects.toMatchObject({ problem: { code: 'fenced' } });
    expect((await provider.power('abc-1')).state).toBe('off');
    await provider.release('abc-1');
    await provider.release('abc-1');
    await provider.release('nobody');
    await lab.setPower('abc-1', 'on');
    await expect(provider.fence('abc-1')).rejects.toThrow(NotOff);
    await expect(provider.fence('nobody')).rejects.toThrow(NotOff);
  }, 30_000);

  it('finds machines by label and removes them, twice if asked', async () => {
    await provider.create({ ...spec, name: 'def-1', labels: { cluster: 'def' } });
    expect((await provider.list({ cluster: 'def' })).map(({ name }) => name)).toEqual(['def-1']);
    await provider.destroy('def-1');
    await provider.destroy('def-1');
    expect(await provider.list({ cluster: 'def' })).toEqual([]);
  }, 30_000);

  it('has no capacity when the lab has none, and is refused without the token', async () => {
    await lab.setCapacity(1);
    await expect(provider.create({ ...spec, name: 'one-too-many' })).rejects.toThrow(NoCapacity);
    await expect(connect('wrong').capacity()).rejects.toThrow(ProviderRefused);
  });
});
