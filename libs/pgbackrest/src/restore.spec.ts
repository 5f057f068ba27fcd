import { recoveryTime, restore, type RecoveryTarget } from './restore';
import { tellProgress } from './tell-progress';

const options = (target: RecoveryTarget): string[] =>
  restore({
    stanza: 'lin_1',
    config: '/etc/pgfleet/restore.conf',
    target,
    label: '20261123-120000F',
    timeline: 3,
  }).slice(tellProgress.length + 6, -1);

describe('restore', () => {
  it('names stanza and configuration, and tells every file', () => {
    expect(
      restore({ stanza: 'lin_1', config: '/c', target: { type: 'latest' }, label: 'L', timeline: 1 }),
    ).toEqual([
      ...tellProgress,
      'pgbackrest',
      '--config=/c',
      '--stanza=lin_1',
      '--recovery-option=restore_command=pgbackrest --config=/c --stanza=lin_1 --no-archive-async archive-get %f "%p"',
      '--log-level-console=detail',
      '--log-level-stderr=error',
      '--type=default',
      '--target-timeline=1',
      '--set=L',
      'restore',
    ]);
  });

  it.each<[RecoveryTarget, string[]]>([
    [
      { type: 'time', time: '2026-11-23T12:00:00.5Z' },
      ['--type=time', '--target=2026-11-23 12:00:00.500000+00'],
    ],
    [
      { type: 'time', time: '2026-11-23T12:00:00Z', inclusive: false },
      ['--type=time', '--target=2026-11-23 12:00:00.000000+00', '--target-exclusive'],
    ],
    [{ type: 'lsn', lsn: '0/3000028', inclusive: true }, ['--type=lsn', '--target=0/3000028']],
    [{ type: 'xid', xid: '751', inclusive: false }, ['--type=xid', '--target=751', '--target-exclusive']],
    [{ type: 'name', name: 'before-migration' }, ['--type=name', '--target=before-migration']],
  ])('goes to %j, then promotes, from the backup that was checked', (target, expected) => {
    expect(options(target)).toEqual([
      ...expected,
      '--target-action=promote',
      '--target-timeline=3',
      '--set=20261123-120000F',
    ]);
  });

  it('ends with the backup itself, on its own timeline', () => {
    expect(options({ type: 'backup', label: '20261123-120000F' })).toEqual([
      '--type=immediate',
      '--target-action=promote',
      '--set=20261123-120000F',
    ]);
  });

  it('refuses a stanza that could be read as an option', () => {
    const target = { type: 'latest' } as const;
    expect(() => restore({ stanza: '--force', config: '/c', target, label: 'L', timeline: 1 })).toThrow(
      TypeError,
    );
  });
});

describe('recoveryTime', () => {
  it.each([
    ['2026-11-23T12:00:00Z', '2026-11-23 12:00:00.000000+00'],
    ['2026-11-23T12:00Z', '2026-11-23 12:00:00.000000+00'],
    ['2026-11-23T12:00:00.123456Z', '2026-11-23 12:00:00.123456+00'],
    ['2026-11-23T12:00:00.000001+00:00', '2026-11-23 12:00:00.000001+00'],
    ['2026-11-23T12:00:00.1234569Z', '2026-11-23 12:00:00.123456+00'],
    ['2026-11-23T01:30:00.25+02:00', '2026-11-22 23:30:00.250000+00'],
    ['2026-11-23T22:45:00-05:30', '2026-11-24 04:15:00.000000+00'],
    ['2024-02-29T00:00:00+14:00', '2024-02-28 10:00:00.000000+00'],
  ])('%s is %s', (time, expected) => expect(recoveryTime(time)).toBe(expected));

  it.each(['2026-11-23T12:00:00', '2026-11-23 12:00:00Z', '2026-13-01T00:00:00Z', 'now', ''])(
    'refuses %j',
    (time) => expect(() => recoveryTime(time)).toThrow(TypeError),
  );
});
