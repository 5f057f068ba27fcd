import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PgbenchOptions, Ran, RunProgram } from './pgbench-options';
import { makePgbenchTables, runPgbench } from './run-pgbench';

/** The real output of the command, with the pgbench of the machines' image (17.12). */
const captured = (name: string, code: number): Ran => {
  const read = (stream: string) => {
    const file = join(__dirname, 'captures', `${name}.${stream}.txt`);
    return existsSync(file) ? readFileSync(file, 'utf8') : '';
  };
  return { stdout: read('stdout'), stderr: read('stderr'), code };
};
const options: Omit<PgbenchOptions, 'seconds' | 'transactions'> = {
  host: '10.0.0.9',
  port: 5000,
  database: 'app',
  user: "o'brien",
  password: 'secret',
  clients: 4,
  mode: 'simple',
};
const replay = (name: string, code: number) =>
  runPgbench({ ...options, seconds: 3, run: async () => captured(name, code) });

describe('runPgbench', () => {
  it('reads a run in which all went well', async () => {
    expect(await replay('whole', 0)).toEqual({
      transactions: 100,
      failed: 0,
      disconnects: 0,
      aborted: [],
      worstStallMs: 82.336,
      latencyMs: { p50: 5.504, p99: 75.286 },
      stderr: '',
    });
  });

  it('reads a run in which the server was killed', async () => {
    const { aborted, ...result } = await replay('server-killed', 2);
    expect(result).toMatchObject({ transactions: 297, failed: 0, disconnects: 4, worstStallMs: 40.064 });
    expect(result.stderr).toMatch(/^FATAL: {2}terminating connection due to unexpected postmaster exit\n/);
    expect(aborted.map(({ client }) => client)).toEqual([0, 1, 2, 3]);
    expect(aborted[1]?.message).toBe(
      'client 1 aborted in command 7 (SQL) of script 0; perhaps the backend died while processing',
    );
  });

  it('reads a run in which each client was refused', async () => {
    const result = await replay('read-only', 2);
    expect(result).toMatchObject({ transactions: 0, failed: 0, disconnects: 4, worstStallMs: 0 });
    expect(result.aborted[3]).toEqual({
      client: 0,
      message:
        'client 0 script 0 aborted in command 5 query 0: ERROR:  cannot execute UPDATE in a read-only transaction',
    });
  });

  it('reads a run with transactions that failed: they have no latency', async () => {
    expect(await replay('serialization-failures', 0)).toMatchObject({
      transactions: 23,
      failed: 57,
      disconnects: 0,
      worstStallMs: 58.814,
      latencyMs: { p50: 7.447, p99: 58.814 },
    });
  });

  it('throws what pgbench said when it did not come to run, or not to its end', async () => {
    await expect(replay('no-connection', 1)).rejects.toThrow(/did not run \(1\): .* password authentication/);
    await expect(replay('whole', 124)).rejects.toThrow('pgbench did not end within 63 s');
    await expect(replay('whole', 255)).rejects.toThrow('did not run (255)');
  });

  it('wants either seconds or transactions', async () => {
    await expect(runPgbench({ ...options, run: async () => captured('whole', 0) })).rejects.toThrow(
      /name one/,
    );
  });

  it('keeps the password out of the command, makes the tables first, tries nothing twice', async () => {
    const calls: Parameters<RunProgram>[] = [];
    const run: RunProgram = async (...call) => {
      calls.push(call);
      return captured('whole', 0);
    };
    const parameters = { sslmode: 'require' };
    await runPgbench({ ...options, run, parameters, scale: 7, transactions: 25, builtin: 'select-only' });
    await makePgbenchTables({ ...options, run, scale: 8, program: 'pgbench' });
    const connection = `sslmode='require' host='10.0.0.9' port='5000' dbname='app' user='o\\'brien'`;
    const program = '/usr/lib/postgresql/17/bin/pgbench';
    expect(calls.map(([argv]) => argv.filter((word) => !word.includes('\n')))).toEqual([
      [program, '--initialize', '--quiet', '--scale=7', connection],
      ['sh', '-c', 'sh', '360', program, '--no-vacuum', '--max-tries=1', '--builtin=select-only']
        .concat(['--protocol=simple', '--client=4', '--transactions=25'])
        .concat([connection]),
      ['pgbench', '--initialize', '--quiet', '--scale=8', connection.replace("sslmode='require' ", '')],
    ]);
    expect(calls.map(([, env]) => env)).toEqual(Array(3).fill({ PGPASSWORD: 'secret' }));
    expect(JSON.stringify(calls.map(([argv]) => argv))).not.toContain('secret');
  });
});
