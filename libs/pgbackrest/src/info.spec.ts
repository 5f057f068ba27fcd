import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { exitMeaning } from './exit-codes';
import { labelOf, parseInfo } from './info';

/** Printed by pgBackRest 2.55.1 with PostgreSQL 17, bundles and block incremental on. */
const captured = (name: string) => readFileSync(join(__dirname, 'captured', name), 'utf8');

describe('parseInfo', () => {
  it('reads full, differential and incremental backups, and what they depend on', () => {
    const info = parseInfo(captured('three-backups.json'));
    expect(info).toMatchObject({
      name: 'lin_test',
      status: 'ok',
      exists: true,
      backupRunning: false,
      walMin: '000000010000000000000001',
      walMax: '000000020000000000000010',
    });
    expect(info.backups[0]).toEqual({
      label: '20261123-194232F',
      type: 'full',
      startedAt: new Date('2026-11-23T19:42:32.000Z'),
      stoppedAt: new Date('2026-11-23T19:42:34.000Z'),
      databaseBytes: 23576008,
      copiedBytes: 23576008,
      repositoryBytes: 2820768,
      walStart: '00000002000000000000000A',
      walStop: '00000002000000000000000A',
      lsnStart: '0/A000028',
      lsnStop: '0/A000120',
      dependsOn: [],
      failed: false,
      member: null,
      from: null,
      insteadOfReplica: null,
    });
    expect(info.backups.map(({ type, dependsOn }) => [type, dependsOn])).toEqual([
      ['full', []],
      ['diff', ['20261123-194232F']],
      ['incr', ['20261123-194232F_20261123-194235D']],
    ]);
  });

  it('reads who made a backup, where that was kept with it', () => {
    const [list] = JSON.parse(captured('three-backups.json')) as [{ backup: { annotation?: object }[] }];
    list.backup[0]!.annotation = { member: 'n1', from: 'leader', insteadOfReplica: 'no replica streams' };
    list.backup[1]!.annotation = { ticket: 'by hand' };
    const { backups } = parseInfo(JSON.stringify([list]));
    expect(backups.map(({ member, from, insteadOfReplica }) => [member, from, insteadOfReplica])).toEqual([
      ['n1', 'leader', 'no replica streams'],
      [null, null, null],
      [null, null, null],
    ]);
  });

  it('tells a stanza that is not there', () => {
    expect(parseInfo(captured('no-stanza.json'))).toMatchObject({
      exists: false,
      status: 'missing stanza path',
      walMax: null,
      backups: [],
    });
  });

  it('tells that a backup runs', () => {
    expect(parseInfo(captured('backup-running.json'))).toMatchObject({ exists: true, backupRunning: true });
  });

  it('refuses the answer of a store that cannot be read, with the reason', () => {
    expect(() => parseInfo(captured('store-unreadable.json'))).toThrow(/Permission denied/);
  });

  it('refuses what is not JSON, and JSON of something else', () => {
    for (const text of ['', 'ERROR: [031]', '[]', '{}', '[{"name":"x"}]'])
      expect(() => parseInfo(text)).toThrow(TypeError);
  });
});

describe('labelOf', () => {
  it('finds the new label in the output of a backup', () => {
    expect(labelOf(captured('full-backup.txt'))).toBe('20261123-194232F');
    expect(labelOf('P00   INFO: new backup label = 20261123-194232F_20261123-194235D')).toBe(
      '20261123-194232F_20261123-194235D',
    );
    expect(labelOf('P00   INFO: backup command begin')).toBeNull();
  });
});

describe('exitMeaning', () => {
  it('knows what passes by itself from what does not', () => {
    expect(exitMeaning(56)).toMatchObject({ passing: true });
    expect(exitMeaning(82)).toMatchObject({ passing: false });
    expect(exitMeaning(123).cause).toContain('123');
  });
});
