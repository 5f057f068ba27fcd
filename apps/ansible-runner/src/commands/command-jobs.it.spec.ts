import { execFileSync } from 'node:child_process';
import { copyFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { CommandJob, Job, JobHost } from '@pgfleet/contracts';
import {
  eventually,
  type Machines,
  ProgramProcess,
  type Services,
  startMachines,
  startServices,
} from '@pgfleet/integration';
import { ansibleRoot, type AnsibleRoot } from '../testing/ansible-root';
import { JobBoard } from '../testing/job-board';
import { processesOfJob } from '../testing/processes-of-job';
import { startRunner } from '../testing/runner-process';
import { unitOf } from './unit-script';

describe('command jobs on a real machine', () => {
  let services: Services;
  let machines: Machines;
  let ansible: AnsibleRoot;
  let board: JobBoard;
  let runner: ProgramProcess;
  let host: CommandJob['host'];
  let other: CommandJob['host'];

  const start = () => {
    const key = join(ansible.dir, 'id_ed25519');
    copyFileSync(machines.keyFile, key);
    return startRunner(services.nats.url, ansible, { PGFLEET_SSH_KEY_FILE: key });
  };
  beforeAll(async () => {
    [services, machines, ansible] = await Promise.all([
      startServices({ nats: true }),
      startMachines(),
      ansibleRoot(),
    ]);
    const booted = await Promise.all(['n1', 'n2'].map((name) => machines.boot(name)));
    [host, other] = booted.map((machine) => ({ ...machine, user: 'root' })) as [JobHost, JobHost];
    board = await JobBoard.open(services.nats.url);
    runner = start();
  }, 300_000);
  afterAll(async () => {
    await runner?.kill();
    await board?.close();
    await Promise.all([services?.stop(), machines?.stop()]);
    ansible?.remove();
  }, 60_000);

  const command = (argv: string[], more: Partial<CommandJob> = {}): Job => ({
    ...board.ids(),
    kind: 'command',
    host,
    alsoOn: [],
    runAs: 'postgres',
    argv,
    capture: false,
    logged: true,
    ...more,
  });
  const script = (text: string, more: Partial<CommandJob> = {}) => command(['sh', '-c', text], more);
  /** Runs a command over the spec's own connection. */
  const onMachine = (remote: string): string => {
    const options = [
      '-F',
      '/dev/null',
      '-i',
      machines.keyFile,
      '-oStrictHostKeyChecking=no',
      '-oUserKnownHostsFile=/dev/null',
    ];
    return execFileSync('ssh', [...options, '-oLogLevel=ERROR', `root@${host.address}`, remote], {
      encoding: 'utf8',
    });
  };
  const unitIs = (job: Job) => onMachine(`systemctl is-active ${unitOf(job.id)} || true`).trim();

  it('runs a program as the user that is named, with its arguments as they are, and keeps its output', async () => {
    const argv = [
      'sh',
      '-c',
      'id -un; printf "%s\\n" "$@"; echo trouble >&2',
      'sh',
      `it's $HOME; "$(id)" %n é`,
      '$$',
      '',
    ];
    const job = command(argv, { capture: true });
    await board.order(job);
    const { durationMs: _, ...result } = await board.result(job);
    expect(result).toMatchObject({ state: 'succeeded', exitCode: 0, failures: [] });
    expect(result.output).toBe(`postgres\n${argv[4]}\n$$\n\n`);
    const lines = await board.log(job);
    expect(lines.filter(({ stream }) => stream === 'stderr').map(({ line }) => line)).toEqual(['trouble']);
  }, 30_000);

  it('hands over megabytes as they are, without showing them', async () => {
    const bytes = 5 * 1024 * 1024;
    // A single line, as pgBackRest prints JSON: a line cut into pieces would show at its ends.
    const text = `head -c ${bytes} /dev/zero | tr '\\0' x; printf 'größe'; head -c 3 /dev/zero`;
    const job = script(text, { capture: true, logged: false });
    await board.order(job);
    const result = await board.result(job);
    expect(result).toMatchObject({ state: 'succeeded', output: null });
    const output = await board.output(result);
    const expected = Buffer.concat([Buffer.alloc(bytes, 'x'), Buffer.from('größe\0\0\0')]);
    expect(output?.equals(expected)).toBe(true);
    expect((await board.log(job)).map(({ line }) => line)).toEqual([
      `${expected.length} bytes of output are kept as the result of the job.`,
    ]);
  }, 60_000);

  it('fails a job whose output is too long to be kept whole', async () => {
    const job = script('head -c 17000000 /dev/zero', { capture: true, logged: false });
    await board.order(job);
    expect(await board.result(job)).toMatchObject({
      ...{ state: 'failed', exitCode: 0, output: null },
      failures: [{ host: 'n1', message: expect.stringContaining('printed 17000000 bytes') as string }],
    });
  }, 60_000);

  it('runs a program on several machines at the same time, and says which of them failed', async () => {
    const text = 'echo here; [ "$(hostname)" = n1 ] || { sleep 1; exit 3; }';
    const job = script(text, { alsoOn: [other], capture: true });
    await board.order(job);
    expect(await board.result(job)).toMatchObject({
      state: 'failed',
      exitCode: 3,
      failures: [{ host: 'n2', message: expect.stringContaining('3') as string }],
      output: 'here\n',
    });
    expect((await board.log(job)).map(({ line }) => line).sort()).toEqual(
      expect.arrayContaining(['n1: here', 'n2: here']) as string[],
    );
  }, 30_000);

  it('streams output while the command runs, and stops its unit when it is cancelled', async () => {
    const job = script('echo begun; sleep 300', { runAs: 'root' });
    await board.order(job);
    await eventually(async () => expect((await board.log(job)).map(({ line }) => line)).toContain('begun'));
    expect(unitIs(job)).toBe('active');
    await board.cancel(job);
    expect(await board.result(job)).toMatchObject({ state: 'cancelled' });
    expect(unitIs(job)).toBe('inactive');
    expect(processesOfJob(job.id)).toEqual([]);
  }, 30_000);

  it('stops the unit at the deadline', async () => {
    const job = script('sleep 300', { deadlineSeconds: 2 });
    await board.order(job);
    expect(await board.result(job)).toMatchObject({ state: 'timed_out' });
    expect(unitIs(job)).toBe('inactive');
  }, 30_000);

  it('tells how a command failed', async () => {
    const failing = script('echo "ERROR: [056]: unable to find primary" >&2; exit 56');
    const missing = command(['/no/such/program']);
    const like = script('exit 255');
    await Promise.all([failing, missing, like].map((job) => board.order(job)));
    expect((await board.result(like)).failures[0]?.message).toBe('ended with exit code 254: it said nothing');
    expect(await board.result(failing)).toMatchObject({
      state: 'failed',
      exitCode: 56,
      failures: [{ host: 'n1', message: 'ended with exit code 56: ERROR: [056]: unable to find primary' }],
    });
    const { state, failures } = await board.result(missing);
    expect(state).toBe('failed');
    expect(failures[0]?.message).toMatch(/\/no\/such\/program/);
  }, 30_000);

  it('takes over from a killed runner: the earlier run is stopped before the next begins', async () => {
    const job = script(
      'run=$$; echo $run start >> /tmp/trace; for i in $(seq 120); do echo $run $i >> /tmp/trace; sleep 0.1; done; echo $run end >> /tmp/trace',
    );
    const trace = () => onMachine('cat /tmp/trace 2>/dev/null || true').trim().split('\n');
    await board.order(job);
    await eventually(() => expect(trace().length).toBeGreaterThan(3));
    await runner.kill();
    runner = start();
    expect(await board.result(job)).toMatchObject({ state: 'succeeded' });
    const runs = trace().map((line) => line.split(' ')[0]);
    const changes = runs.filter((run, index) => run !== runs[index - 1]);
    expect(changes).toHaveLength(2);
    expect(trace().filter((line) => line.endsWith(' end'))).toHaveLength(1);
  }, 60_000);

  it('uses one connection to a machine for commands and playbooks', async () => {
    const accepted = () =>
      Number(onMachine("journalctl -u ssh -t sshd-session -t sshd -o cat | grep -c '^Accepted'"));
    await board.order(script('true'));
    ansible.playbook('ping.yml', '- hosts: nodes\n  gather_facts: false\n  tasks:\n    - ping:\n');
    const first = board.playbook('ping.yml', { groups: { nodes: [{ ...host, vars: {} }] } });
    await board.order(first);
    expect(await board.result(first)).toMatchObject({ state: 'succeeded' });
    const before = accepted();
    const jobs = [script('true'), board.playbook('ping.yml', { groups: { nodes: [{ ...host, vars: {} }] } })];
    for (const job of jobs) {
      await board.order(job);
      expect(await board.result(job)).toMatchObject({ state: 'succeeded' });
    }
    // Only the spec's own.
    expect(accepted() - before).toBe(1);
    // One for each machine that this spec's jobs ran on.
    expect(readdirSync(join(ansible.runDir, 'ssh'))).toHaveLength(2);
  }, 60_000);

  it('talks to nobody with another key', async () => {
    const stranger = {
      ...host,
      hostKey: 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHf5bVdfGz0l4ZHZr6a0wIuQ2v1mKcZ1uXk0yX8bq0aB',
    };
    const job = script('true', { host: stranger });
    await board.order(job);
    const { state, failures } = await board.result(job);
    expect(state).toBe('failed');
    expect(failures[0]?.message).toMatch(/unreachable over ssh: .*[Hh]ost key verification failed/);
  }, 30_000);

  it('says that a machine is gone, also one that goes while a command runs', async () => {
    const running = script('echo begun; sleep 300');
    await board.order(running);
    await eventually(async () =>
      expect((await board.log(running)).map(({ line }) => line)).toContain('begun'),
    );
    await machines.lab.setNetwork('n1', 'cut');
    const later = script('true');
    await board.order(later);
    for (const job of [running, later]) {
      const { state, failures } = await board.result(job, 40_000);
      expect(state).toBe('failed');
      expect(failures[0]?.message).toMatch(/unreachable over ssh: /);
    }
    await machines.lab.setNetwork('n1', 'up');
  }, 60_000);
});
