import {
  backup,
  backupFromReplica,
  info,
  leftStanzaDelete,
  stanzaCreate,
  stanzaCreateAndCheck,
  stanzaDelete,
} from './commands';

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
    expect(backup('lin_1', 'diff', { member: 'n1' })).toContain('--type=diff');
    expect(info('lin_1')).toContain('--output=json');
  });

  it('refuses a name that is an option, a path or for the shell', () => {
    for (const name of ['--force', '../etc', 'a b', 'a;reboot', '$(id)', "a'b", '', 'A'.repeat(200)])
      expect(() => stanzaCreateAndCheck(name)).toThrow(TypeError);
  });

  it('says the way to a lineage that the machine does not know', () => {
    expect(leftStanzaDelete('lin_1').at(-1)).toMatch(
      / --stanza=lin_1 .* --repo1-path=\/lin_1 --pg1-path=\/nonexistent --force .* stanza-delete$/,
    );
  });

  it('makes a script only of words that need no quoting', () => {
    for (const argv of [stanzaCreateAndCheck('lin_0197a'), stanzaDelete('lin_0197a')]) {
      expect(argv.slice(0, 2)).toEqual(['/bin/sh', '-c']);
      expect(argv[2]).toMatch(/^pgbackrest( [A-Za-z0-9=_./-]+)+ && exec pgbackrest( [A-Za-z0-9=_./-]+)+$/);
    }
  });

  it('asks the leader in a script only of words that need no quoting', () => {
    const argv = backupFromReplica('lin_0197a', 'incr', { member: 'a1-2', leaderAddress: '10.77.0.11' });
    expect(argv.slice(0, 2)).toEqual(['/bin/sh', '-c']);
    expect(argv[2]).toMatch(/^pgbackrest( [A-Za-z0-9=_./-]+)+ && exec "\$@"$/);
  });

  it('keeps with a backup who made it, and why not a replica', () => {
    const origin = { member: 'n1', insteadOfReplica: "n2: unable to connect to '10.0.0.1:8432'" };
    expect(backup('lin_1', 'full', origin)).toEqual(
      expect.arrayContaining([
        '--annotation=member=n1',
        '--annotation=from=leader',
        "--annotation=insteadOfReplica=n2: unable to connect to '10.0.0.1:8432'",
      ]),
    );
    expect(backup('lin_1', 'full', { member: 'n1' }).join(' ')).not.toContain('instead');
  });

  it('takes nothing but an address for the leader of a replica', () => {
    for (const leaderAddress of ['', '10.0.0.1; reboot', '--config=/x'])
      expect(() => backupFromReplica('lin_1', 'full', { member: 'n2', leaderAddress })).toThrow();
  });
});
