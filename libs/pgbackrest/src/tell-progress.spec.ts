import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tellProgress } from './tell-progress';

const run = (script: string, cwd = '/') => {
  const [program = '', ...argv] = tellProgress;
  const { status, stdout } = spawnSync(program, [...argv, 'sh', '-c', script], {
    encoding: 'utf8',
    timeout: 20_000,
    cwd,
    env: { ...process.env, PATH: `${cwd}:${process.env.PATH}` },
  });
  return { status, lines: stdout.trimEnd().split('\n') };
};

describe('tellProgress', () => {
  it('says how far a backup or a restore is, instead of every file', () => {
    const { status, lines } = run(`cat <<'END'
2026-11-28 22:55:41.201 P00   INFO: backup command begin 2.55.1: --annotation=member=n1
2026-11-28 22:55:41.888 P01 DETAIL: backup file 10.77.0.16:/var/lib/postgresql/17/main/base/5/1 (1GB, 66.66%) checksum 1f
2026-11-28 22:55:41.888 P02 DETAIL: match file from prior backup /var/lib/postgresql/17/main/base/5/2 (512MB, 99.99%) checksum 1f
2026-11-28 22:55:41.888 P02 DETAIL: backup file /var/lib/postgresql/17/main/base/5/3 (bundle 1/32, bi 16KB, 100.00%) checksum 1f
2026-11-28 22:55:41.888 P00 DETAIL: reference pg_data/base/5/2 to 20261128-225541F
2026-11-28 22:56:03.974 P00   INFO: new backup label = 20261128-225541F
END`);
    expect(status).toBe(0);
    expect(lines).toEqual([
      expect.stringContaining('backup command begin'),
      expect.stringMatching(/^100\.00 %, 1\.5 GB, [\d.]+ [GT]B\/s$/),
      expect.stringContaining('new backup label'),
    ]);
    const restored =
      'P01 DETAIL: restore file /d/base/1/2619 (bundle 1/32, bi 16KB, 12.34%) checksum 1f\n' +
      'P01 DETAIL: restore zeroed file /d/x (0B, 100.00%)';
    expect(run(`printf '${restored.replaceAll('%', '%%')}\n'`).lines).toEqual([
      expect.stringMatching(/^100\.00 %, 16\.0 KB, /),
    ]);
  });

  it('passes the exit code on, also of one that was killed in the middle of a line', () => {
    expect(run('echo a; exit 38')).toEqual({ status: 38, lines: ['a'] });
    expect(run('printf partial; kill -KILL $$')).toEqual({ status: 137, lines: ['partial'] });
  });

  it('repeats the checkpoint of a replica until pgBackRest has seen it', () => {
    const folder = mkdtempSync(join(tmpdir(), 'pgfleet-psql-'));
    writeFileSync(join(folder, 'psql'), '#!/bin/sh\necho "$@" >>"$0.ran"\n', { mode: 0o755 });
    const { lines } = run(
      `echo 'P00   INFO: backup start archive = 000000010000000000000056, lsn = 0/1'
      echo 'P00   INFO: wait for replay on the standby to reach 0/1'
      for look in $(seq 100); do [ "$(wc -l <psql.ran)" = 2 ] && break; sleep 0.05; done 2>/dev/null
      echo 'P00   INFO: replay on the standby reached 0/1'; sleep 1.5; cat psql.ran`,
      folder,
    );
    rmSync(folder, { recursive: true });
    expect(lines.slice(3)).toEqual(['-Xqc checkpoint', '-Xqc checkpoint']);
  });

  it('ends the workers of one that has given up', () => {
    const given = 'P00   INFO: backup command end: aborted with exception [042]';
    expect(run(`sleep 600 >/dev/null & echo '${given}'; wait; exit 42`)).toEqual({
      status: 42,
      lines: [given],
    });
  });
});
