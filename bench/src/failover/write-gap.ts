import { checkWrites, explain, WriteClients, type Verdict } from '@pgfleet/write-checker';
import { say } from '@pgfleet/platform';
import { setTimeout as pause } from 'node:timers/promises';
import { leaderOf, type Site } from './site';

export interface Harm {
  /** Harms the cluster, possibly in several stages; resolves when no more harm follows. */
  harm: (leader: string) => Promise<void>;
  repair: (leader: string) => Promise<void>;
  /** Whether acknowledged writes must survive, or are only counted. */
  durability?: 'sync' | 'async';
  /** How long writes continue at least after the harm; 8 s by default. */
  watchMs?: number;
}

export interface GapMeasured {
  gapMs: number;
  verdict: Verdict;
}

/** The longest time without an acknowledged write around a harm, from four clients that reconnect for every write. */
export async function writeGap(
  site: Site,
  { harm, repair, durability, watchMs }: Harm,
): Promise<GapMeasured> {
  await site.whole();
  const leader = await leaderOf(site);
  const clients = new WriteClients(site.uri, {
    clients: 4,
    connect: 'every-write',
    timeoutMs: 1_000,
    ssl: { rejectUnauthorized: false },
  });
  await clients.start();
  await pause(2_000);
  const from = Date.now();
  await harm(leader);
  const until = Date.now() + (watchMs ?? 8_000);
  // The gap is not over until a write is acknowledged again.
  while (Date.now() < until || (!clients.worstGap({ from }).over && Date.now() < from + 180_000))
    await pause(100);
  await repair(leader);
  await site.whole();
  await pause(500);
  await clients.stop();
  const verdict = checkWrites({
    log: clients.log,
    rows: await clients.rows(),
    durability: durability ?? 'sync',
  });
  if (!verdict.ok) process.stderr.write(`${explain(verdict).join('\n')}\n`);
  const gap = clients.worstGap({ from });
  say(
    `${leader}: harmed at ${clock(from)}, no write from ${clock(gap.from)} to ${clock(gap.to)}: ${gap.ms} ms`,
  );
  return { gapMs: gap.ms, verdict };
}

const clock = (at: number): string => new Date(at).toISOString().slice(11, 23);
