import { runLabCommand } from './lab-command';

describe('npm run lab', () => {
  let said: string;
  const listen = (stream: NodeJS.WriteStream) =>
    jest.spyOn(stream, 'write').mockImplementation((text) => ((said += String(text)), true));

  beforeEach(() => {
    said = '';
    process.env.PGFLEET_LAB = 'nolab';
    process.env.PGFLEET_STATE = '/nonexistent/pgfleet-lab';
    listen(process.stdout);
    listen(process.stderr);
    jest.spyOn(console, 'error').mockImplementation((line: string) => (said += line));
  });
  afterEach(() => jest.restoreAllMocks());
  const { PGFLEET_LAB, PGFLEET_STATE } = process.env;
  afterAll(() => Object.assign(process.env, { PGFLEET_LAB, PGFLEET_STATE }));

  it('shows its verbs', async () => {
    expect(await runLabCommand(['--help'])).toBe(0);
    for (const verb of ['ls', 'boot', 'kill', 'cut', 'heal', 'freeze', 'thaw', 'ssh', 'logs', 'rm']) {
      expect(said).toMatch(new RegExp(`^  ${verb} `, 'm'));
    }
  });

  it.each([
    [['frob'], "unknown command 'frob'"],
    [['kill'], "missing required argument 'name'"],
  ])('answers %j with one line and exit code 2', async (args, message) => {
    expect(await runLabCommand(args)).toBe(2);
    expect(said).toContain(message);
  });

  it('says in one line that no lab runs, with exit code 1', async () => {
    expect(await runLabCommand(['ls'])).toBe(1);
    expect(said).toMatch(/^lab: lab nolab does not answer/);
    expect(said).not.toContain('\n');
  });
});
