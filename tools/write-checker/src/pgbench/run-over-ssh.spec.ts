import { runHere } from './run-here';
import { runOverSsh } from './run-over-ssh';

describe('programs that are run elsewhere', () => {
  /** Does what sshd does: joins the words of a command and passes them to a shell. */
  const ssh = ['sh', '-c', 'shift; exec sh -c "$*"', 'ssh'];
  const hard = `it's "$HOME" \\ $(id)\n*`;

  it('get their words and their environment as they are', async () => {
    const argv = ['sh', '-c', 'printf "%s|" "$@" "$SECRET"; cat; echo no >&2; exit 3', 'sh', hard, ''];
    const expected = { stdout: `${hard}||${hard}|`, stderr: 'no\n', code: 3 };
    expect(await runOverSsh(ssh, 'machine')(argv, { SECRET: hard })).toEqual(expected);
    expect(await runHere(argv, { SECRET: hard })).toEqual(expected);
  });

  it('have no secret where the process list shows it', async () => {
    const showList = ['sh', '-c', 'cat /proc/$PPID/cmdline /proc/self/cmdline /proc/$$/cmdline'];
    const { stdout } = await runOverSsh(ssh, 'machine')(showList, { SECRET: 'in the environment only' });
    expect(stdout).toContain('cmdline');
    expect(stdout).not.toContain('in the environment only');
  });

  it('fail as they fail, also when they are not there', async () => {
    await expect(runHere(['/no/such/program'], {})).rejects.toThrow(/ENOENT/);
    expect(await runHere(['sh', '-c', 'kill -9 $$'], {})).toMatchObject({ code: 128 });
  });
});
