import { labPaths, labSettings } from '@pgfleet/lab';
import { statfs } from 'node:fs/promises';
import { bringUp, say } from '@pgfleet/platform';
import { onMachines } from '../failover/site';
import { percentile, Report } from '../failover/report';
import { median, record } from '../results';
import { untilSignal } from '../until-signal';
import { archiveDelays } from './archive-delay';
import { PgfleetBackups } from './pgfleet-backups';
import { RawBackups } from './raw-backups';
import type { BackupSite, Took } from './site';

const ssh = ['ssh', '-F', labPaths(labSettings()).sshConfig, '-o', 'LogLevel=ERROR'];

/** Everything a case needs. */
interface Bench {
  ours: PgfleetBackups;
  raw: RawBackups;
  runs: number;
  scale: number;
  report: Report;
}
type Case = (bench: Bench) => Promise<void>;

/** One way to do what is measured. */
interface Way {
  name: string;
  measure(): Promise<Took>;
}

/** The same task done by hand and by pgfleet. */
interface Pair {
  raw: Way;
  ours: Way;
}

/**
 * Runs all ways in alternation and adds a row for each. pgfleet's rows show the ratio to the raw way of the same pair. A note
 * shows where the time of the first pgfleet way went.
 */
async function compared(
  { runs, report }: Bench,
  what: string,
  bar: number,
  pairs: [Pair, ...Pair[]],
): Promise<void> {
  const took = new Map<Way, number[]>(pairs.flatMap(({ raw, ours }) => [raw, ours]).map((way) => [way, []]));
  const steps = new Map<Way, string[]>();
  for (let run = 1; run <= runs; run++) {
    for (const [way, all] of took) {
      const one = await way.measure();
      say(`${what}, ${way.name}, run ${run}: ${one.ms} ms`);
      all.push(one.ms);
      steps.set(way, one.steps);
    }
  }
  const ms = (way: Way) => took.get(way) ?? [];
  for (const { raw, ours } of pairs) {
    report.row(what, raw.name, ms(raw), steps.get(raw) ?? []);
    const ratio = median(ms(ours)) / median(ms(raw));
    report.row(what, ours.name, ms(ours), [`${ratio.toFixed(2)} × (bar ${bar} ×)`]);
  }
  const [{ ours: first }] = pairs;
  report.note(`Where the time goes (${what}, ${first.name}, last run):`);
  report.lines.push('', '```', ...(steps.get(first) ?? []), '```');
}

const backup: Case = async (bench) => {
  const { raw, ours } = bench;
  await compared(bench, `full backup, scale ${bench.scale}`, 1.1, [
    {
      raw: { name: `${raw.name}, on a replica`, measure: () => ours.backUpByHand() },
      ours: { name: `${ours.name}, on a replica`, measure: () => ours.backUp() },
    },
    {
      raw: { name: `${raw.name}, on the leader`, measure: () => raw.backUp() },
      ours: { name: `${ours.name}, on the leader`, measure: () => ours.backUp('leader') },
    },
  ]);
};

/** How many transactions recovery replays up to the target, and how many come after it. */
const transactions = 10_000;

const moments = async ({ raw, ours }: Bench): Promise<Map<BackupSite, string>> => {
  const found = new Map<BackupSite, string>();
  for (const site of [raw, ours]) {
    await site.backUp();
    await site.load(transactions);
    found.set(site, await site.archivedMoment());
    await site.load(transactions);
    await site.archivedMoment();
  }
  return found;
};

const restores = async (bench: Bench, what: string, to: (site: BackupSite) => string): Promise<void> => {
  const way = (site: BackupSite): Way => ({ name: site.name, measure: () => site.restore(to(site)) });
  const pair = { raw: way(bench.raw), ours: way(bench.ours) };
  await compared(bench, `${what}, scale ${bench.scale}`, 1.25, [pair]);
};

const restore: Case = async (bench) => {
  const targets = await moments(bench);
  const what = `restore to a moment, ${transactions} transactions after the backup`;
  await restores(bench, what, (site) => targets.get(site) ?? '');
};

const latest: Case = async (bench) => {
  await moments(bench);
  await restores(
    bench,
    `restore to the end, ${2 * transactions} transactions after the backup`,
    () => 'latest',
  );
};

const delay: Case = async ({ ours, report }) => {
  const idle = await archiveDelays(ours.uri, 130);
  const load = ours.loadFor(75);
  const busy = await archiveDelays(ours.uri, 70);
  const rate = Math.round((await load) / 75);
  report.lines.length = 0;
  report.lines.push(
    '| from commit to archived | commits | p50 s | p99 s | worst s |',
    '|---|---:|---:|---:|---:|',
  );
  const row = (what: string, delays: number[]) => {
    const seconds = (part: number) => (percentile(delays, part) / 1000).toFixed(1);
    report.lines.push(`| ${what} | ${delays.length} | ${seconds(0.5)} | ${seconds(0.99)} | ${seconds(1)} |`);
    say(report.lines.at(-1) ?? '');
  };
  row('nobody else writes', idle);
  row(`pgbench, 4 clients, ${rate} transactions/s`, busy);
};

export const backupCases: Record<string, Case> = { backup, restore, latest, delay };

/** A backup takes about 20 seconds, a restore about 30. */
export const defaultScale = 600;
/** On three nodes, on the raw machine, again on each machine that restores, and in the repository. */
const diskOfScaleOne = 100e6;

async function checkRoom(scale: number): Promise<void> {
  const { bavail, bsize } = await statfs(labPaths(labSettings()).state);
  const [free, needed] = [bavail * bsize, scale * diskOfScaleOne];
  if (free >= needed) return;
  const gigabytes = (bytes: number) => (bytes / 1e9).toFixed(0);
  const largest = Math.floor(free / diskOfScaleOne);
  throw new Error(
    `scale ${scale} takes ${gigabytes(needed)} GB of disk, ${gigabytes(free)} are free: choose --scale ${largest}, or a smaller one`,
  );
}

/**
 * Compares backups and restores of a pgbench database: pgBackRest by hand and the platform, in one run, with the same options and
 * repository.
 */
export async function benchBackup(runs: number, names: string[], scale: number): Promise<void> {
  const platform = await bringUp(labSettings());
  await checkRoom(scale);
  const userId = (await platform.api.createUser({ name: 'bench' })).id;
  const on = onMachines(ssh);
  const made: BackupSite[] = [];
  try {
    await untilSignal(async () => {
      const ours = await PgfleetBackups.make(platform, on, ssh, userId);
      made.push(ours);
      const raw = await RawBackups.make(platform.lab, on, await ours.model());
      made.push(raw);
      for (const site of [raw, ours]) {
        say(`${site.name}: pgbench -i -s ${scale}`);
        await site.fill(scale);
        await site.archivedMoment();
      }
      for (const name of names) {
        say(`case ${name}`);
        const report = new Report();
        await backupCases[name]?.({ ours, raw, runs, scale, report });
        record(`backup ${name}`, report.lines);
      }
    });
  } catch (error) {
    say(`broke off: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    throw error;
  } finally {
    for (const site of made) await site.remove();
    await platform.api.call('DELETE', `/users/${userId}`);
  }
}
