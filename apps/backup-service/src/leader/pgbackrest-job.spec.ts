import { newId, type JobHost, type JobResult } from '@pgfleet/contracts';
import { Outcome, type StepContext } from '@pgfleet/operations';
import { InfoUnreadable } from '@pgfleet/pgbackrest';
import { Answer, drive } from './pgbackrest-job';

const leader: JobHost = { name: 'n1', address: '10.0.0.1', hostKey: 'ssh-ed25519 AAAA', user: 'root' };

const context = (more: {
  job?: Partial<JobResult>;
  expired?: boolean;
  minutes?: number;
}): StepContext<unknown> => ({
  operationId: newId('op'),
  clusterId: null,
  input: {},
  step: 'back_up',
  key: 'k',
  attempt: 1,
  results: {},
  signal: <T>(name: string) =>
    (name === 'job' && more.job
      ? { state: 'failed', exitCode: 56, durationMs: 0, failures: [], output: null, ...more.job }
      : undefined) as T | undefined,
  expired: more.expired ?? false,
  stepStartedAt: new Date(Date.now() - (more.minutes ?? 0) * 60_000),
  abort: new AbortController().signal,
  note: () => Promise.resolve(),
  show: () => Promise.resolve(),
});

const run = (more: Parameters<typeof context>[0], host: JobHost | null = leader) =>
  drive(context(more), {
    argv: ['pgbackrest', 'info'],
    read: (stdout) => {
      if (stdout === 'nonsense') throw new TypeError('not JSON');
      if (stdout === 'no answer') throw new InfoUnreadable('the repository did not answer');
      return stdout;
    },
    host: () => Promise.resolve(host),
    deadlineSeconds: 60,
    patienceMs: 5 * 60_000,
  });
const move = async (...args: Parameters<typeof run>) => {
  const outcome = await run(...args);
  return outcome instanceof Outcome ? outcome.move : outcome;
};

describe('drive', () => {
  it('orders the job on the leader, and gives what it printed', async () => {
    expect(await move({})).toMatchObject({ kind: 'job', order: { host: leader, capture: true } });
    expect(await move({ job: { state: 'succeeded', exitCode: 0, output: 'text' } })).toEqual(
      new Answer('text'),
    );
  });

  it('looks again while nobody leads, until its patience is over', async () => {
    expect(await move({}, null)).toMatchObject({ kind: 'again' });
    expect(await move({ minutes: 6 }, null)).toMatchObject({ kind: 'fail' });
  });

  it('repeats what may pass, after a pause', async () => {
    expect(await move({ job: { exitCode: 56 } })).toMatchObject({ kind: 'wait' });
    expect(await move({ job: { exitCode: 56 }, expired: true })).toMatchObject({ kind: 'job' });
    expect(await move({ job: { exitCode: 56 }, minutes: 6 })).toMatchObject({ kind: 'fail' });
    expect(await move({ job: { state: 'succeeded', exitCode: 0, output: 'no answer' } })).toMatchObject({
      kind: 'wait',
    });
  });

  it('does not repeat a job whose output it cannot read, or whose output was lost', async () => {
    expect(await move({ job: { state: 'succeeded', exitCode: 0, output: 'nonsense' } })).toMatchObject({
      kind: 'fail',
      cause: 'The output of the job on the machine means nothing to backup-service: not JSON',
    });
    const lost = [{ host: 'n1', task: 'info', message: 'The output of the command broke off.' }];
    expect(await move({ job: { exitCode: 0, failures: lost } })).toMatchObject({
      kind: 'fail',
      cause: 'N1: The output of the command broke off.',
    });
  });

  it('keeps data out of the log', async () => {
    expect(await move({})).toMatchObject({ order: { logged: true } });
    const outcome = await drive(context({}), {
      argv: ['pgbackrest', 'info'],
      read: (stdout) => stdout,
      host: () => Promise.resolve(leader),
      deadlineSeconds: 60,
      patienceMs: 0,
      printsData: true,
    });
    expect(outcome).toMatchObject({ move: { order: { capture: true, logged: false } } });
  });

  it('does not count the time of the run itself', async () => {
    const job = { exitCode: 255, durationMs: 3 * 3600_000 };
    expect(await move({ job, minutes: 181 })).toMatchObject({ kind: 'wait' });
  });

  it('ends at once what stays as it is, and what was never heard of again', async () => {
    expect(await move({ job: { exitCode: 82 } })).toMatchObject({ kind: 'fail' });
    expect(await move({ expired: true })).toMatchObject({
      kind: 'fail',
      cause: 'The job did not report its end.',
    });
  });
});
