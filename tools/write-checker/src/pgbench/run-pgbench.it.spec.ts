import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { eventually, runInImage, serversRoot, startServices, type Services } from '@pgfleet/integration';
import { type RunProgram, runPgbench } from '../index';

describe('pgbench on a real server', () => {
  let services: Services;
  let root: string;
  const folder = mkdtempSync(join(tmpdir(), 'pgfleet-pgbench-'));

  /** Runs as root, whose temporary files stay on the host. */
  const run: RunProgram = async (argv, env) => {
    const { exitCode, ...output } = await runInImage({
      root,
      data: folder,
      user: 'root',
      argv,
      env: { ...env, TMPDIR: '/srv' },
    });
    return { ...output, code: exitCode };
  };
  const target = () => ({
    host: '127.0.0.1',
    port: services.postgres.port,
    database: 'pgfleet',
    user: 'postgres',
    password: 'integration',
    run,
  });

  const connected = async () =>
    (await services.postgres.query(`SELECT FROM pg_stat_activity WHERE application_name = 'pgbench'`)).length;

  beforeAll(async () => {
    root = await serversRoot();
    services = await startServices({ postgres: true });
  }, 60_000);
  afterAll(async () => {
    await services?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it.each(['simple', 'prepared'] as const)(
    'runs whole in %s mode',
    async (mode) => {
      const result = await runPgbench({ ...target(), scale: 1, clients: 2, transactions: 20, mode });
      expect(result).toMatchObject({ transactions: 40, failed: 0, disconnects: 0, aborted: [], stderr: '' });
      const { latencyMs, worstStallMs } = result;
      expect(latencyMs.p50).toBeGreaterThan(0);
      expect(latencyMs.p99).toBeGreaterThanOrEqual(latencyMs.p50);
      expect(worstStallMs).toBeGreaterThanOrEqual(latencyMs.p99);
    },
    30_000,
  );

  it('sees each client lose its connection when the server is killed', async () => {
    const running = runPgbench({ ...target(), clients: 3, seconds: 20, mode: 'simple' });
    await eventually(async () => expect(await connected()).toBe(3));
    await pause(500);
    await services.postgres.kill();
    const result = await running;
    await services.postgres.start();
    expect(result.transactions).toBeGreaterThan(0);
    expect(result.disconnects).toBe(3);
    // The backend may still report why it ends before it is gone.
    expect(result.aborted[0]?.message).toMatch(
      /^client \d (aborted in command \d+ \(SQL\) of script 0; perhaps|script 0 aborted in command \d+ query \d+: FATAL:)/,
    );
  }, 30_000);

  it('sees a stall', async () => {
    const running = runPgbench({ ...target(), clients: 2, seconds: 4, mode: 'simple' });
    await eventually(async () => expect(await connected()).toBe(2));
    await services.postgres.query('BEGIN; LOCK TABLE pgbench_accounts; SELECT pg_sleep(1); COMMIT');
    const result = await running;
    expect(result.disconnects).toBe(0);
    expect(result.worstStallMs).toBeGreaterThan(800);
  }, 30_000);

  it('is killed when it waits for too long', async () => {
    const running = runPgbench({ ...target(), clients: 1, seconds: 1, mode: 'simple', withinSeconds: 3 });
    const rejected = expect(running).rejects.toThrow('pgbench did not end within 3 s');
    await services.postgres.query('BEGIN; LOCK TABLE pgbench_accounts; SELECT pg_sleep(4); COMMIT');
    await rejected;
  }, 30_000);

  it('throws when it cannot connect', async () => {
    await expect(
      runPgbench({ ...target(), password: 'wrong', clients: 1, transactions: 1, mode: 'simple' }),
    ).rejects.toThrow(/password authentication failed/);
  });
});
