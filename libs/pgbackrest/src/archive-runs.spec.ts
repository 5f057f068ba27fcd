import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { archiveRuns, parseArchiveRuns } from './archive-runs';

const sha = 'a'.repeat(40);
const size = 16 * 2 ** 20;

/** Runs the command with a pgBackRest that lists the spec's names. */
const listed = (names: string[], exitCode = 0): string => {
  const folder = mkdtempSync(join(tmpdir(), 'pgfleet-runs-'));
  try {
    const list = names.map((name) => `17-1/${name.slice(0, 16)}/${name}-${sha}.zst`).join('\n');
    writeFileSync(join(folder, 'pgbackrest'), `#!/bin/sh\ncat <<'END'\n${list}\nEND\nexit ${exitCode}\n`);
    chmodSync(join(folder, 'pgbackrest'), 0o755);
    const [program = '', ...words] = archiveRuns('lin_1', size);
    const env = { PATH: `${folder}:${process.env.PATH}` };
    return execFileSync(program, words, { env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  } finally {
    rmSync(folder, { recursive: true });
  }
};

describe('archiveRuns', () => {
  it('makes runs of names, also over the end of a file number, each timeline by itself', () => {
    const names = [
      '000000020000000100000001',
      '0000000100000000000000FE',
      '0000000100000000000000FF',
      '000000010000000100000000',
      '000000010000000100000003',
      '000000020000000100000002',
      '000000020000000100000002',
    ];
    expect(parseArchiveRuns(listed(names))).toEqual([
      { first: '0000000100000000000000FE', last: '000000010000000100000000' },
      { first: '000000010000000100000003', last: '000000010000000100000003' },
      { first: '000000020000000100000001', last: '000000020000000100000002' },
    ]);
  });

  it('fails where pgBackRest does, rather than say that nothing is there', () => {
    expect(() => listed(['000000020000000100000001'], 49)).toThrow();
  });

  it('refuses a stanza that is for the shell', () => {
    expect(() => archiveRuns('a;b', size)).toThrow(TypeError);
  });
});

describe('parseArchiveRuns', () => {
  it('reads the newest archive', () => {
    const line = (id: string, name: string) => `${id} ${name} ${name}\n`;
    expect(
      parseArchiveRuns(line('17-9', '000000010000000000000001') + line('18-10', '000000010000000000000002')),
    ).toEqual([{ first: '000000010000000000000002', last: '000000010000000000000002' }]);
    expect(parseArchiveRuns('')).toEqual([]);
  });

  it('refuses anything else', () => {
    expect(() => parseArchiveRuns('ERROR: [049]')).toThrow(TypeError);
  });
});
