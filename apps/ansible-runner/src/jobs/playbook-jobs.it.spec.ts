import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Controller, Module } from '@nestjs/common';
import type { INestApplication } from '@nestjs/common';
import { newId, type RequestInput, revealSecrets } from '@pgfleet/contracts';
import { eventually, ProgramProcess, type Services, startServices } from '@pgfleet/integration';
import { MessagingModule, OnRequest, startService } from '@pgfleet/messaging';
import { ObservabilityModule } from '@pgfleet/observability';
import { ansibleRoot, type AnsibleRoot } from '../testing/ansible-root';
import { JobBoard } from '../testing/job-board';
import { isAlive, processesOfJob } from '../testing/processes-of-job';
import { startRunner } from '../testing/runner-process';

const password = 'Q7w9'.repeat(8);
const play = (tasks: string, more = '') =>
  `- name: Try\n  hosts: nodes\n  gather_facts: false\n${more}  tasks:\n${tasks.replace(/^/gm, '    ')}\n`;
const shell = (name: string, command: string) => `- name: ${name}\n  shell: ${JSON.stringify(command)}`;

@Controller()
class Secrets {
  @OnRequest(revealSecrets)
  reveal(_input: RequestInput<typeof revealSecrets>) {
    return { superuser: password };
  }
}

describe('playbook jobs', () => {
  let services: Services;
  let ansible: AnsibleRoot;
  let board: JobBoard;
  let runner: ProgramProcess;
  let clusterService: INestApplication;

  beforeAll(async () => {
    services = await startServices({ nats: true });
    ansible = await ansibleRoot();
    board = await JobBoard.open(services.nats.url);
    const nats = { servers: services.nats.url };
    @Module({
      imports: [
        ObservabilityModule.forRoot({ service: 'cluster-service' }),
        MessagingModule.forRoot({ service: 'cluster-service', nats, database: false }),
      ],
      controllers: [Secrets],
    })
    class ClusterService {}
    clusterService = await startService(ClusterService, { service: 'cluster-service', httpPort: 0 });
    runner = startRunner(services.nats.url, ansible);
  }, 120_000);
  afterAll(async () => {
    await runner?.kill();
    await clusterService?.close();
    await board?.close();
    await services?.stop();
    ansible?.remove();
  });
  afterEach(() => {
    // Whatever happened, no file of a job is left.
    expect(readdirSync(join(ansible.runDir, 'jobs'))).toEqual([]);
  });

  it('runs a playbook and tells of it while it runs: progress, output, started, finished', async () => {
    const gate = join(ansible.dir, 'gate');
    ansible.playbook(
      'stream.yml',
      play(
        [shell('First', 'echo hello'), shell('Wait', `until [ -e ${gate} ]; do sleep 0.05; done`)].join('\n'),
      ),
    );
    const job = board.playbook('stream.yml');
    await board.order(job);
    await eventually(async () => {
      const lines = await board.log(job);
      expect(lines.some(({ progress }) => progress?.task === 'First' && progress.status === 'changed')).toBe(
        true,
      );
      expect(lines.some(({ stream, line }) => stream === 'stdout' && line.startsWith('TASK [First]'))).toBe(
        true,
      );
    }, 15_000);
    expect(await board.events(job)).toEqual([]);
    await eventually(() => expect(processesOfJob(job.id).length).toBeGreaterThan(0));

    writeFileSync(gate, '');
    expect(await board.result(job)).toMatchObject({
      state: 'succeeded',
      exitCode: 0,
      failures: [],
      output: null,
    });
    const lines = await board.log(job);
    const first = lines.findIndex(({ line }) => line.startsWith('TASK [First]'));
    const last = lines.findIndex(({ line }) => line.startsWith('PLAY RECAP'));
    expect(first).toBeGreaterThan(0);
    expect(last).toBeGreaterThan(first);
    expect(lines.every((line) => line.jobId === job.id && line.attempt === 1)).toBe(true);
    const progress = lines.flatMap((line) => (line.progress ? [line.progress.event] : []));
    expect(progress).toEqual(['play', 'task', 'host', 'task', 'host', 'stats']);
  }, 40_000);

  it('hands variables and secrets over as data, masks secrets everywhere, and leaves no file with them', async () => {
    ansible.playbook(
      'secret.yml',
      play(
        [
          shell(
            'Print',
            'echo "password is {{ secrets.superuser }} {{ ttl }}"; ls -l {{ inventory_dir }}; cp {{ inventory_dir }}/secrets.json {{ copy }}',
          ),
          `- name: Show\n  debug:\n    msg: "{{ data }} {{ secrets.superuser }}"`,
          `- name: Break\n  fail:\n    msg: "wrong password {{ secrets.superuser }}"`,
        ].join('\n'),
      ),
    );
    const copy = join(ansible.runDir, 'copy');
    const vars = { ttl: 20, data: "{{ lookup('pipe', 'id') }}", copy };
    const job = board.playbook('secret.yml', { secretsOf: newId('clu'), vars });
    await board.order(job);
    const result = await board.result(job);
    expect(result.state).toBe('failed');
    expect(result.failures).toEqual([{ host: 'n1', task: 'Break', message: 'wrong password ********' }]);
    const said = JSON.stringify(await board.log(job));
    expect(said).not.toContain(password);
    expect(said).toContain("{{ lookup('pipe', 'id') }} ********");
    expect(said).not.toContain('uid=0');
    // The job could read it, and nobody else.
    expect(JSON.parse(readFileSync(copy, 'utf8'))).toEqual({ secrets: { superuser: password } });
    expect(JSON.stringify(readdirSync(join(ansible.runDir, 'jobs')))).toBe('[]');
    expect(runner.log).not.toContain(password);
  }, 30_000);

  it('says in words what is wrong with a playbook that cannot run', async () => {
    ansible.playbook('broken.yml', '- hosts: nodes\n  tasks:\n    - no_such_module_at_all: {}\n');
    const broken = board.playbook('broken.yml');
    const missing = board.playbook('missing.yml');
    await Promise.all([board.order(broken), board.order(missing)]);
    expect(await board.result(broken)).toMatchObject({
      state: 'failed',
      failures: [{ host: 'control node', message: expect.stringContaining('no_such_module_at_all') }],
    });
    expect(await board.result(missing)).toMatchObject({
      state: 'failed',
      failures: [{ host: 'control node', message: expect.stringMatching(/missing\.yml could not be found/) }],
    });
  }, 30_000);

  it('names the machine that cannot be reached', async () => {
    ansible.playbook('reach.yml', play(shell('Reach', 'true')));
    const job = board.playbook('reach.yml');
    if (job.kind === 'playbook') job.groups.nodes![0]!.vars = {};
    await board.order(job);
    const { state, exitCode, failures } = await board.result(job);
    expect({ state, exitCode }).toEqual({ state: 'failed', exitCode: 4 });
    expect(failures).toEqual([
      {
        host: 'n1',
        task: 'Reach',
        message: expect.stringMatching(/unreachable over ssh: ssh: connect .* refused/),
      },
    ]);
  }, 30_000);

  it('kills every process of a job that is cancelled', async () => {
    ansible.playbook('sleep.yml', play(shell('Sleep', 'setsid sleep 300 & sleep 301')));
    const job = board.playbook('sleep.yml');
    await board.order(job);
    const sleeps = await eventually(() => {
      const pids = processesOfJob(job.id);
      const commands = pids.map((pid) =>
        readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim(),
      );
      expect(commands).toEqual(expect.arrayContaining(['sleep 300', 'sleep 301']));
      return pids;
    }, 20_000);
    expect(sleeps.length).toBeGreaterThan(3);
    const cancelled = Date.now();
    await board.cancel(job);
    expect(await board.result(job)).toMatchObject({ state: 'cancelled', failures: [] });
    expect(Date.now() - cancelled).toBeLessThan(3000);
    expect(processesOfJob(job.id)).toEqual([]);
    expect(sleeps.some(isAlive)).toBe(false);
  }, 40_000);

  it('does not begin a job that was cancelled while it waited', async () => {
    const mark = join(ansible.dir, 'begun');
    ansible.playbook('mark.yml', play(shell('Mark', `touch ${mark}`)));
    const job = board.playbook('mark.yml');
    await board.cancel(job);
    await board.order(job);
    expect(await board.result(job)).toMatchObject({ state: 'cancelled', exitCode: null });
    expect(existsSync(mark)).toBe(false);
  }, 20_000);

  it('kills a job at its deadline', async () => {
    const job = board.playbook('sleep.yml', { deadlineSeconds: 3 });
    await board.order(job);
    const { state, durationMs } = await board.result(job);
    expect(state).toBe('timed_out');
    expect(durationMs).toBeGreaterThan(2900);
    expect(durationMs).toBeLessThan(5000);
    expect(processesOfJob(job.id)).toEqual([]);
  }, 20_000);

  it('publishes the same event again, and does nothing else, when a finished job comes again', async () => {
    const runs = join(ansible.dir, 'runs');
    ansible.playbook('once.yml', play(shell('Once', `echo run >> ${runs}`)));
    const job = board.playbook('once.yml');
    await board.order(job);
    await board.result(job);
    await board.order(job);
    await eventually(async () => expect(await board.waiting()).toBe(0));
    expect(await board.events(job)).toHaveLength(1);
    expect(readFileSync(runs, 'utf8')).toBe('run\n');
  }, 30_000);
});
