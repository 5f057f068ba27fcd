import {
  checkWrites,
  runOverSsh,
  runPgbench,
  WriteClients,
  type PgbenchResult,
  type Verdict,
} from '@pgfleet/write-checker';
import { setTimeout as pause } from 'node:timers/promises';
import type { Site } from './site';

export interface PlannedMeasured extends Pick<PgbenchResult, 'failed' | 'disconnects' | 'worstStallMs'> {
  /** The longest time without a write of two clients that write beside pgbench and reconnect when they are cut off. */
  gapMs: number;
  verdict: Verdict;
}

/**
 * Runs pgbench through port 5000 with 20 clients that never pause, on a separate machine of the lab, while the leader changes.
 * @param alone makes the change while nothing else uses this machine's cores.
 */
export async function plannedChange(
  site: Site,
  mode: 'simple' | 'prepared',
  ssh: readonly string[],
  alone: (change: () => Promise<void>) => Promise<void>,
): Promise<PlannedMeasured> {
  await site.whole();
  const { username, password, pathname } = new URL(site.uri);
  const running = runPgbench({
    host: site.host,
    port: 5000,
    user: username,
    password: decodeURIComponent(password),
    database: pathname.slice(1),
    parameters: { sslmode: 'require' },
    clients: 20,
    seconds: 14,
    mode,
    scale: 5,
    run: runOverSsh(ssh, 'infra1'),
  });
  const ended = running.catch(() => undefined);
  // A client that gives up by itself would look like a disconnect, so these wait for longer than any stall.
  const writers = new WriteClients(site.uri, {
    ...{ clients: 2, timeoutMs: 15_000 },
    ssl: { rejectUnauthorized: false },
  });
  await pause(4_000); // pgbench creates its tables first
  await writers.start();
  await pause(3_000);
  const from = Date.now();
  await alone(() => site.switchOver());
  const { failed, disconnects, worstStallMs } = await running;
  await ended;
  await writers.stop();
  await site.whole();
  const verdict = checkWrites({ log: writers.log, rows: await writers.rows() });
  return {
    failed,
    disconnects: disconnects + writers.disconnects,
    worstStallMs,
    gapMs: writers.worstGap({ from }).ms,
    verdict,
  };
}
