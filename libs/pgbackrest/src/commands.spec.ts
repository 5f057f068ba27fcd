import { backup, info, stanzaCreate, stanzaCreateAndCheck, stanzaDelete } from './commands';

describe('commands', () => {
  it('passes every part as an argument of its own', () => {
    expect(stanzaCreate('lin_1')).toEqual([
      'pgbackrest',
      '--stanza=lin_1',
      '--log-level-console=info',
      '--log-level-stderr=error',
      '--io-timeout=10',
      'stanza-create',
    ]);
    expect(backup('lin_1', 'diff')).toContain('--type=diff');
    expect(info('lin_1')).toContain('--output=json');
  });

  it('refuses a name that is an option, a path or for the shell', () => {
    for (const name of ['--force', '../etc', 'a b', 'a;reboot', '$(id)', "a'b", '', 'A'.repeat(200)])
      expect(() => stanzaCreateAndCheck(name)).toThrow(TypeError);
  });

  it('makes a script only of words that need no quoting', () => {
    for (const argv of [stanzaCreateAndCheck('lin_0197a'), stanzaDelete('lin_0197a')]) {
      expect(argv.slice(0, 2)).toEqual(['/bin/sh', '-c']);
      expect(argv[2]).toMatch(/^pgbackrest( [a-z0-9=_-]+)+ && exec pgbackrest( [a-z0-9=_-]+)+$/);
    }
  });
});
