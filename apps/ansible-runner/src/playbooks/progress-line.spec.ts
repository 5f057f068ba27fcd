import { PlaybookFailures } from './playbook-failures';
import { progressOf } from './progress-line';

describe('progressOf', () => {
  it('takes a line of the callback plugin, without what it does not know', () => {
    const line =
      '{"event":"host","time":1.5,"play":"Cluster","task":"t","host":"n1","status":"ok","message":"","duration":null}';
    expect(progressOf(line)).toEqual({
      event: 'host',
      play: 'Cluster',
      task: 't',
      host: 'n1',
      status: 'ok',
      message: '',
    });
  });

  it('passes over what is none', () => {
    expect(progressOf('{"event":"host","ti')).toBeUndefined();
    expect(progressOf('{"event":"party"}')).toBeUndefined();
    expect(progressOf('null')).toBeUndefined();
  });
});

describe('PlaybookFailures', () => {
  it('names host, task and message of what failed', () => {
    const failures = new PlaybookFailures();
    failures.onProgress({ event: 'host', host: 'n1', task: 'Install', status: 'changed', message: '' });
    failures.onProgress({
      event: 'host',
      host: 'n2',
      task: 'Install',
      status: 'failed',
      message: 'no space',
    });
    failures.onProgress({ event: 'host', host: 'n3', task: '', status: 'unreachable', message: '' });
    expect(failures.of(4)).toEqual([
      { host: 'n2', task: 'Install', message: 'no space' },
      { host: 'n3', task: 'connect', message: 'the machine is unreachable over ssh: no reason was given' },
    ]);
  });

  it('keeps what ssh said of a machine that is unreachable, however Ansible puts it', () => {
    const refused = 'ssh: connect to host 10.77.0.21 port 22: Connection refused';
    const failures = new PlaybookFailures();
    const host = { event: 'host', task: 't', status: 'unreachable' } as const;
    failures.onProgress({
      ...host,
      host: 'n1',
      message: `Failed to connect to the host via ssh: ${refused}`,
    });
    const long = `Task failed: Data could not be sent to remote host "n2". Make sure this host can be reached over ssh: ${refused}`;
    failures.onProgress({ ...host, host: 'n2', message: long });
    const message = `the machine is unreachable over ssh: ${refused}`;
    expect(failures.of(4)).toEqual([
      { host: 'n1', task: 't', message },
      { host: 'n2', task: 't', message },
    ]);
  });

  it('has none for a run that ended well, whatever was rescued on the way', () => {
    const failures = new PlaybookFailures();
    failures.onProgress({ event: 'host', host: 'n2', task: 'Try', status: 'failed', message: 'rescued' });
    expect(failures.of(0)).toEqual([]);
  });

  it("gives Ansible's own error when nothing ran", () => {
    const failures = new PlaybookFailures();
    failures.onStderr('[WARNING]: something');
    failures.onStderr('[ERROR]: the playbook: x.yml could not be found');
    expect(failures.of(1)).toEqual([
      { host: 'control node', task: 'ansible-playbook', message: 'the playbook: x.yml could not be found' },
    ]);
    expect(new PlaybookFailures().of(137)[0]?.message).toMatch(/was killed by SIGKILL/);
  });
});
