import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Job } from '@pgfleet/contracts';
import { eventually, ProgramProcess, type Services, startServices } from '@pgfleet/integration';
import { ansibleRoot, type AnsibleRoot } from '../testing/ansible-root';
import { JobBoard } from '../testing/job-board';
import { processesOfJob } from '../testing/processes-of-job';
import { startRunner } from '../testing/runner-process';

/** The play logs when a run begins and, twice a second, that it is still running: two runs at once would show. */
const playbook = (trace: string, seconds: number) => `
- name: Trace
  hosts: nodes
  gather_facts: false
  tasks:
    - name: Trace
      shell: |
        run=$$; echo "$run start" >> ${trace}
        for i in $(seq ${seconds * 10}); do echo "$run $i" >> ${trace}; sleep 0.1; done
        echo "$run end" >> ${trace}
`;

describe('a runner that goes away', () => {
  let services: Services;
  let ansible: AnsibleRoot;
  let board: JobBoard;
  let runners: ProgramProcess[] = [];
  let trace: string;

  beforeAll(async () => {
    services = await startServices({ nats: true });
    ansible = await ansibleRoot();
    board = await JobBoard.open(services.nats.url);
  }, 120_000);
  afterEach(async () => {
    await Promise.all(runners.map((runner) => runner.kill()));
    runners = [];
  });
  afterAll(async () => {
    await board?.close();
    await services?.stop();
    ansible?.remove();
  });

  const start = (): ProgramProcess => {
    // One at a time: a frozen process with free slots would get the job again before another runner does.
    const runner = startRunner(services.nats.url, ansible, { PGFLEET_RUNNER_CONCURRENCY: '1' });
    runners.push(runner);
    return runner;
  };
  const order = async (name: string, seconds: number, more: Partial<Job> = {}): Promise<Job> => {
    trace = join(ansible.dir, `${name}.trace`);
    ansible.playbook(`${name}.yml`, playbook(trace, seconds));
    const job = board.playbook(`${name}.yml`, more);
    await board.order(job);
    return job;
  };
  const lines = (): string[] => readFileSync(trace, 'utf8').trim().split('\n');
  const runs = (): string[] => [...new Set(lines().map((line) => line.split(' ')[0]!))];
  const begun = (count = 1) => eventually(() => expect(runs()).toHaveLength(count), 30_000);
  /** No line of one run comes after the first line of a later run. */
  const neverTwoAtOnce = () => {
    const order = lines().map((line) => line.split(' ')[0]);
    expect(order.filter((run, index) => run !== order[index - 1])).toEqual(runs());
  };

  it('is killed with -9: its Ansible dies with it, and another runner takes over, at once on the same machine', async () => {
    const first = start();
    const job = await order('killed', 4);
    await begun();
    const second = start();
    await eventually(() => expect(second.log).toContain('Takes jobs.playbook'));
    const killed = Date.now();
    await first.kill();
    await eventually(() => expect(processesOfJob(job.id)).toEqual([]), 2000);
    // The queue delivers the job again after 5 s of silence; the new runner does not wait for a dead runner's lease.
    await eventually(() => expect(second.log).toContain(`${job.id} begins`));
    expect(Date.now() - killed).toBeLessThan(7000);
    await begun(2);
    expect(await board.result(job)).toMatchObject({ state: 'succeeded' });
    neverTwoAtOnce();
    expect(lines().filter((line) => line.endsWith(' end'))).toHaveLength(1);
    expect(await board.events(job)).toHaveLength(1);
    expect(Math.max(...(await board.log(job)).map(({ attempt = 0 }) => attempt))).toBe(2);
    // The second started while the first was alive, so the first's files remain, except the one with the secrets, which lease-exec removes.
    const left = readdirSync(join(ansible.runDir, 'jobs'), { recursive: true });
    expect(left.filter((name) => String(name).endsWith('secrets.json'))).toEqual([]);
    await second.kill();
    start();
    await eventually(() => expect(readdirSync(join(ansible.runDir, 'jobs'))).toEqual([]));
  }, 60_000);

  it('loses power for longer than a job may take: the job has its whole time again', async () => {
    const first = start();
    const job = await order('power', 3, { deadlineSeconds: 6 });
    await begun();
    await first.kill();
    await pause(7000);
    start();
    expect(await board.result(job)).toMatchObject({ state: 'succeeded' });
    expect(runs()).toHaveLength(2);
  }, 60_000);

  it('freezes: its Ansible is dead within 10 s, another takes over, and its return changes nothing', async () => {
    const first = start();
    const job = await order('frozen', 14);
    await begun();
    const second = start();
    await eventually(() => expect(second.log).toContain('Takes jobs.playbook'));
    first.signal('SIGSTOP');
    const frozen = Date.now();
    await eventually(() => expect(processesOfJob(job.id)).toEqual([]), 12_000);
    expect(Date.now() - frozen).toBeLessThan(10_500);
    // The lease ends 15 s after its last renewal.
    await eventually(() => expect(second.log).toContain(`${job.id} begins`), 15_000);
    expect(Date.now() - frozen).toBeLessThan(17_000);
    await begun(2);
    first.signal('SIGCONT');
    expect(await board.result(job)).toMatchObject({ state: 'succeeded' });
    neverTwoAtOnce();
    expect(lines().filter((line) => line.endsWith(' end'))).toHaveLength(1);
    expect(await board.events(job)).toHaveLength(1);
    await eventually(async () => expect(await board.waiting()).toBe(0));
  }, 90_000);

  it('is asked to stop: it ends what takes too long and hands it over', async () => {
    const first = start();
    const job = await order('stopped', 26);
    await begun();
    const second = start();
    await eventually(() => expect(second.log).toContain('Takes jobs.playbook'));
    first.signal('SIGTERM');
    await first.ended();
    await begun(2);
    neverTwoAtOnce();
    await board.cancel(job);
    expect(await board.result(job)).toMatchObject({ state: 'cancelled' });
    expect(processesOfJob(job.id)).toEqual([]);
  }, 90_000);

  it('loses NATS while its run ends: there is one run and one result', async () => {
    start();
    const job = await order('outage', 3);
    await begun();
    await services.nats.kill();
    await eventually(() => expect(lines().at(-1)).toMatch(/ end$/));
    await services.nats.start();
    expect(await board.result(job)).toMatchObject({ state: 'succeeded' });
    expect(runs()).toHaveLength(1);
    expect(await board.events(job)).toHaveLength(1);
    const progress = (await board.log(job)).flatMap((line) => (line.progress ? [line.progress.event] : []));
    expect(progress).toEqual(['play', 'task', 'host', 'stats']);
  }, 60_000);
});
