import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { splitStoreContents, storeContents } from './store-contents';

const segment = '000000010000000000000001';

describe('storeContents', () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'pgfleet-contents-'))));
  afterEach(() => rmSync(folder, { recursive: true }));

  /** Runs the command with a pgBackRest that prints as the real one does: JSON without a line end. */
  const printed = (info: string): string => {
    const script = `#!/bin/sh
case "$*" in
  *info) ${info} ;;
  *) echo 17-1/${segment.slice(0, 16)}/${segment}-${'a'.repeat(40)}.zst ;;
esac`;
    writeFileSync(join(folder, 'pgbackrest'), script);
    chmodSync(join(folder, 'pgbackrest'), 0o755);
    const [program = '', ...words] = storeContents('lin_1', 16 * 2 ** 20);
    const env = { PATH: `${folder}:${process.env.PATH}` };
    return execFileSync(program, words, { env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  };

  it('tells of the backups, and of the segments', () => {
    expect(splitStoreContents(printed(`printf '[{"name":"lin_1"}]'`))).toEqual({
      info: '[{"name":"lin_1"}]',
      runs: [{ first: segment, last: segment }],
    });
  });

  it('leaves out what grows with the square of the backups', () => {
    const backups = `[{"name":"lin_1","backup":[{"label":"a","prior":null,"reference":null},{"label":"b","prior":"a","reference":["a"]}]}]`;
    expect(JSON.parse(splitStoreContents(printed(`printf '%s' '${backups}'`)).info)).toEqual([
      {
        name: 'lin_1',
        backup: [
          { label: 'a', prior: null },
          { label: 'b', prior: 'a' },
        ],
      },
    ]);
  });

  it('fails where either does', () => {
    expect(() => printed('exit 49')).toThrow();
    expect(() => splitStoreContents('[]\nERROR: [049]')).toThrow(TypeError);
  });
});
