import { execFileSync } from 'node:child_process';
import { CommandJob } from '@pgfleet/contracts';
import { commandFailures } from './command-failure';
import { CapturedOutput, longestOutput } from './captured-output';
import { runScript, unitOf } from './unit-script';

const job = (argv: string[]) =>
  CommandJob.parse({
    kind: 'command',
    id: 'job_01979a3c-5f7e-7c11-8d2a-3b9f6c1e0a55',
    operationId: 'op_01979a3c-5f7e-7c11-8d2a-3b9f6c1e0a55',
    step: 'backup',
    deadlineSeconds: 60,
    host: { name: 'n1', address: '10.77.0.21', hostKey: 'ssh-ed25519 AAAA' },
    runAs: 'postgres',
    argv,
  });

describe('runScript', () => {
  it('runs the command as its unit, after it has stopped what an earlier attempt left', () => {
    const [first, second] = [1, 2].map((attempt) =>
      runScript(job(['pgbackrest', 'info']), { attempt, secondsLeft: 60 }),
    ) as [string, string];
    const unit = 'pgfleet-job-01979a3c-5f7e-7c11-8d2a-3b9f6c1e0a55.service';
    expect(unitOf(job(['x']).id)).toBe(unit);
    const run = `\nsystemd-run .*--unit=${unit} --uid=postgres .*RuntimeMaxSec=120s`;
    expect(first).toMatch(new RegExp(`^${run}`));
    expect(second).toMatch(new RegExp(`^systemctl stop ${unit} [^]*${run}`));
  });

  it('hands every argument over as it is', () => {
    const argv = ['printf', '%s\n', `it's; "$(id)" \`x\` \\ * é\n|`, ''];
    const quoted = runScript(job(argv), { attempt: 1, secondsLeft: 60 })
      .split(' -- ')[1]
      ?.split('\ncode=')[0];
    expect(execFileSync('sh', ['-c', quoted!.replaceAll('$$', '$')], { encoding: 'utf8' })).toBe(
      `${argv[2]}\n${argv[3]}\n`,
    );
  });
});

describe('commandFailures', () => {
  const { host } = job(['x']);
  const said = { stdout: '', stderr: 'ERROR: [056]: no', ssh: '' };
  it('tells a machine that cannot be reached from a command that failed', () => {
    const ssh = 'ssh: connect to host 10.77.0.21 port 22: No route to host';
    expect(commandFailures(job(['pgbackrest', 'info']), host, 255, { ...said, ssh })).toEqual([
      { host: 'n1', task: 'pgbackrest info', message: `the machine is unreachable over ssh: ${ssh}` },
    ]);
    expect(commandFailures(job(['x']), host, 56, said)[0]?.message).toBe(
      'ended with exit code 56: ERROR: [056]: no',
    );
    expect(commandFailures(job(['x']), host, 255, said)[0]?.message).toMatch(
      /unreachable over ssh: the connection was lost/,
    );
    expect(commandFailures(job(['x']), host, 0, said)).toEqual([]);
  });
});

describe('CapturedOutput', () => {
  it('keeps bytes as they are', () => {
    const output = new CapturedOutput();
    const bytes = Buffer.from('größe\u0000');
    output.add(bytes.subarray(0, 3));
    output.add(bytes.subarray(3));
    expect(output.fault).toBeNull();
    expect(output.bytes).toEqual(bytes);
  });

  it('says why it is not whole', () => {
    const long = new CapturedOutput();
    long.add(Buffer.alloc(longestOutput));
    expect(long.fault).toBeNull();
    long.add(Buffer.alloc(1));
    expect(long.fault).toBe('The command printed 16777217 bytes; the result of a job can hold 16777216.');
    const broken = new CapturedOutput();
    broken.add(Buffer.from('a'));
    broken.interrupted();
    expect(broken.fault).toBe('The output of the command broke off before its end.');
  });
});
