import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Cgroup } from './cgroup';
import type { LabClient } from './lab-client';
import { labPaths, LABD_PORT } from './lab-paths';
import { machinePaths } from './machine-paths';
import { readRecord, writeRecord } from './machine-record';
import { ProblemError } from './problem';
import { runCommand } from './run-command';
import type { LabSettings } from './settings';
import { connectLab, startLabd } from './start-labd';
import { hostTraces, NOTHING } from './testing/host-traces';
import { ssh } from './testing/ssh';
import { endTestLab, testLab } from './testing/test-lab';

const spec = { role: 'test', sshKeys: [], labels: { of: 'test' } };

describe('a lab', () => {
  let settings: LabSettings;
  let lab: LabClient;

  beforeAll(async () => {
    settings = await testLab();
    lab = await startLabd(settings);
  }, 300_000);
  afterAll(async () => {
    await endTestLab(settings);
    expect(await hostTraces(settings)).toEqual(NOTHING);
  }, 30_000);

  const machineGroup = (name: string) => new Cgroup(machinePaths(labPaths(settings), name).cgroup);
  /** Simulates a reboot of the host: labd restarts every machine that the record of an earlier boot lists as on. */
  const onInTheBooks = (name: string) => {
    const { record } = machinePaths(labPaths(settings), name);
    writeRecord(record, { ...readRecord(record), power: 'on', hostBoot: '' });
  };
  const problemOf = (promise: Promise<unknown>) =>
    promise.then(
      () => undefined,
      (error: unknown) => (error as ProblemError).problem.code,
    );

  it('boots a machine once, however often it is asked for, with a known host key and a way out', async () => {
    const [first, second] = await Promise.all([lab.create('one', spec), lab.create('one', spec)]);
    expect(first).toMatchObject({ name: 'one', role: 'test', network: 'up', labels: { of: 'test' } });
    expect(second.address).toBe(first.address);
    expect((await lab.create('one', spec)).hostKey).toBe(first.hostKey);
    expect(await problemOf(lab.create('one', { ...spec, role: 'other' }))).toBe('machine-exists');
    expect((await lab.capacity()).machines.used).toBe(1);

    expect((await lab.get('one', 20)).state).toBe('running');
    expect(await ssh(settings, 'one', 'hostname; systemctl is-system-running')).toBe('one\nrunning\n');
    await ssh(settings, 'one', 'apt-get update');
  }, 60_000);

  it('gives machines of their own: ids, addresses, keys', async () => {
    const [a, b] = await Promise.all(['two', 'three'].map((name) => lab.create(name, spec)));
    expect(a.address).not.toBe(b.address);
    expect(a.hostKey).not.toBe(b.hostKey);
    await Promise.all([lab.get('two', 20), lab.get('three', 20)]);
    const ids = await Promise.all(['two', 'three'].map((name) => ssh(settings, name, 'cat /etc/machine-id')));
    expect(ids[0]).not.toBe(ids[1]);
    expect(
      await ssh(
        settings,
        'two',
        `getent hosts two; curl -s --max-time 2 telnet://${b.address}:22 </dev/null | head -c 4`,
      ),
    ).toContain('SSH-');
  }, 30_000);

  it('loses power at once and silently: no process, no answer, and the disk stays', async () => {
    await ssh(settings, 'two', 'echo kept >/root/file; sync; systemd-run --unit=bystander sleep 1000');
    expect(await lab.setPower('two', 'off')).toMatchObject({ state: 'off' });
    expect(machineGroup('two').populated).toBe(false);
    expect((await lab.get('two')).state).toBe('off');
    expect((await lab.power('two')).state).toBe('off');
    await expect(ssh(settings, 'two', 'true')).rejects.toThrow(/timed out|No route/);
    const { journal } = machinePaths(labPaths(settings), 'two');
    expect(await runCommand(['journalctl', '--no-pager', `--directory=${journal}`])).toContain('bystander');

    await lab.setPower('two', 'on');
    expect((await lab.get('two', 20)).state).toBe('running');
    expect(await ssh(settings, 'two', 'cat /root/file')).toBe('kept\n');
    expect((await lab.console('two')).match(/--- power on/g)).toHaveLength(2);
  }, 30_000);

  it('sees that a machine switched itself off', async () => {
    await ssh(settings, 'two', 'systemctl poweroff').catch(() => undefined);
    for (const end = Date.now() + 10_000; (await lab.get('two')).state !== 'off'; await delay(20)) {
      if (Date.now() > end) throw new Error('still on');
    }
    expect((await lab.power('two')).state).toBe('off');
  }, 30_000);

  it('says why a machine did not boot, with the end of its console', async () => {
    const init = `${machinePaths(labPaths(settings), 'two').upper}/usr/lib/systemd/systemd`;
    mkdirSync(dirname(init), { recursive: true });
    writeFileSync(
      init,
      '#!/bin/sh\necho "Failed to allocate manager object: Too many open files"\nexit 1\n',
      {
        mode: 0o755,
      },
    );
    await lab.setPower('two', 'on');
    expect(await lab.get('two', 20)).toMatchObject({
      state: 'off',
      bootFailure: expect.stringContaining('manager object: Too many open files') as string,
    });
    rmSync(init);
    await lab.setPower('two', 'on');
    expect(await lab.get('two', 20)).toMatchObject({ state: 'running', bootFailure: null });
    await lab.setPower('two', 'off');
    expect(await lab.get('two')).toMatchObject({ state: 'off', bootFailure: null });
  }, 30_000);

  it('can boot as many machines as it says that it takes', async () => {
    expect(Number(readFileSync('/proc/sys/fs/inotify/max_user_instances', 'utf8'))).toBeGreaterThanOrEqual(
      4096,
    );
    expect((await lab.capacity()).machines.limit).toBeLessThanOrEqual(200);
  });

  it('freezes a machine where it stands, and lets it go on', async () => {
    expect((await lab.setFrozen('one', true)).state).toBe('frozen');
    expect((await lab.power('one')).state).toBe('on');
    await expect(ssh(settings, 'one', 'true')).rejects.toThrow();
    expect((await lab.setFrozen('one', false)).state).toBe('running');
    await ssh(settings, 'one', 'true');
    expect(await problemOf(lab.setFrozen('two', true))).toBe('powered-off');
  }, 30_000);

  it('cuts a cable, also across a power loss, and heals it', async () => {
    expect((await lab.setNetwork('three', 'cut')).network).toBe('cut');
    await expect(ssh(settings, 'three', 'true')).rejects.toThrow();
    await lab.setPower('three', 'off');
    await lab.setPower('three', 'on');
    expect((await lab.get('three')).state).toBe('booting');
    expect((await lab.setNetwork('three', 'up')).network).toBe('up');
    expect((await lab.get('three', 20)).state).toBe('running');
    await ssh(settings, 'three', 'true');
  }, 30_000);

  it('refuses what it has no room for, makes nothing of it, and takes it when there is room', async () => {
    await lab.setCapacity(3);
    expect(await problemOf(lab.create('four', spec))).toBe('no-capacity');
    expect(existsSync(machinePaths(labPaths(settings), 'four').dir)).toBe(false);
    expect(await problemOf(lab.get('four'))).toBe('not-found');
    await lab.setCapacity(4);
    await lab.create('four', spec);
    await Promise.all([lab.destroy('four'), lab.destroy('four')]);
    await lab.destroy('four');
    expect(machineGroup('four').exists).toBe(false);
  }, 30_000);

  it('keeps a machine that is off from being switched on, and fences no other', async () => {
    expect(await problemOf(lab.setFenced('one', true))).toBe('not-off');
    await lab.setFrozen('one', true);
    expect(await problemOf(lab.setFenced('one', true))).toBe('not-off');
    expect((await lab.setFrozen('one', false)).fenced).toBe(false);
    expect(await problemOf(lab.setFenced('nobody', true))).toBe('not-found');

    await lab.create('four', spec);
    await lab.setPower('four', 'off');
    for (const fenced of [true, true]) {
      expect(await lab.setFenced('four', fenced)).toMatchObject({ state: 'off', fenced });
    }
    expect(await problemOf(lab.setPower('four', 'on'))).toBe('fenced');
    expect(await lab.create('four', spec)).toMatchObject({ state: 'off', fenced: true });
    expect(machineGroup('four').populated).toBe(false);

    for (const fenced of [false, false]) {
      expect(await lab.setFenced('four', fenced)).toMatchObject({ state: 'off', fenced });
    }
    await lab.setPower('four', 'on');
    expect((await lab.get('four', 20)).state).toBe('running');

    await lab.setPower('four', 'off');
    await lab.setFenced('four', true);
    await lab.destroy('four');
    expect(await problemOf(lab.get('four'))).toBe('not-found');
  }, 60_000);

  it('does one thing only when a machine is switched on and fenced at once', async () => {
    for (const wait of [0, 0, 1, 2, 5, 10]) {
      const [boot, fence] = await Promise.all([
        problemOf(lab.setPower('two', 'on')),
        delay(wait).then(() => problemOf(lab.setFenced('two', true))),
      ]);
      expect([
        ['fenced', undefined],
        [undefined, 'not-off'],
      ]).toContainEqual([boot, fence]);
      expect(machineGroup('two').populated).toBe(boot === undefined);
      await lab.setPower('two', 'off');
      await lab.setFenced('two', false);
    }
  }, 60_000);

  it('is found again after labd was killed: machines did not notice', async () => {
    const uptime = () => ssh(settings, 'one', 'stat -c %Y /proc/1');
    const before = await uptime();
    await lab.setFenced('two', true);
    process.kill((await lab.info()).pid, 'SIGKILL');
    expect(await uptime()).toBe(before);
    await ssh(settings, 'three', 'systemctl poweroff').catch(() => undefined);
    onInTheBooks('two');
    lab = await connectLab(settings);
    const { pid } = await lab.info();
    expect((await (await startLabd(settings)).info()).pid).toBe(pid);
    expect((await lab.get('one', 20)).state).toBe('running');
    expect(await uptime()).toBe(before);
    expect((await lab.list()).map(({ name, state, fenced }) => [name, state, fenced])).toEqual([
      ['one', 'running', false],
      ['two', 'off', true],
      ['three', 'off', false],
    ]);
  }, 60_000);

  it('lets a machine that an earlier labd fenced be switched on once it is released', async () => {
    expect(await problemOf(lab.setPower('two', 'on'))).toBe('fenced');
    await lab.setFenced('two', false);
    await lab.setPower('two', 'on');
    expect(await lab.get('two', 20)).toMatchObject({ state: 'running', fenced: false });
  }, 30_000);

  it('answers on the bridge to the token only', async () => {
    const url = `http://${settings.subnet.gateway}:${LABD_PORT}/v1/machines`;
    expect((await fetch(url)).status).toBe(401);
    const token = readFileSync(labPaths(settings).token, 'utf8').trim();
    const answer = await fetch(url, { headers: { authorization: `Bearer ${token}` } });
    expect(((await answer.json()) as { machines: unknown[] }).machines).toHaveLength(3);
  });
});
