import { say } from '@pgfleet/platform';
import { percentile } from '../failover/report';
import { median, record } from '../results';
import { SegmentSizeSite } from './segment-size-site';

const MB = 2 ** 20;
/** PostgreSQL's default. */
const usual = '16';
export const segmentSizes = ['1', usual, '64', '256'];

const scale = 5;
const transactionSeconds = 20;
const bulkSeconds = 20;
/** How much every size has to replay; the loads write at least as much. */
const replayed = 384 * MB;
const idleSegments = 3;
/** `archive_timeout` of a node. */
const idleSegmentsAnHour = 3600 / 40;
const pushesAlone = 10;

/** The findings of one run, keyed by their label in the table. */
type Findings = Map<string, number>;

/** Decimals by magnitude: three significant digits. */
const shown = (value: number): string =>
  Number.isNaN(value) ? '-' : value >= 100 ? value.toFixed(0) : value.toPrecision(3);

async function measure(site: SegmentSizeSite): Promise<Findings> {
  const found: Findings = new Map();
  await site.fill(scale);
  const begun = await site.position();

  const { transactions, latencyMs, worstStallMs } = await site.transactions(transactionSeconds);
  const perSecond = ((await site.position()) - begun) / transactionSeconds;
  found.set('tpcb-like: transactions/s', transactions / transactionSeconds);
  found.set('tpcb-like: latency p99, ms', latencyMs.p99);
  found.set('tpcb-like: longest transaction, ms', worstStallMs);
  found.set('tpcb-like: WAL, MB/s', perSecond / MB);
  found.set('tpcb-like: segments/s', perSecond / MB / site.megabytes);
  await site.archiveAll();

  const before = { position: await site.position(), ms: await site.archivingMs(), archived: site.archived() };
  const bulkBegan = Date.now();
  await site.bulk(bulkSeconds);
  const bulkMs = Date.now() - bulkBegan;
  const lag = await site.lag();
  const written = (await site.position()) - before.position;
  const ended = Date.now();
  await site.archiveAll();
  const known = new Set(before.archived.map(({ name }) => name));
  const segments = site.archived().filter(({ name }) => !known.has(name));
  const took = segments.map(({ tookMs }) => tookMs);
  const stored = segments.reduce((sum, { bytes }) => sum + bytes, 0);
  found.set('bulk: WAL, MB/s', written / MB / (bulkMs / 1000));
  found.set('bulk: segments/s', written / MB / site.megabytes / (bulkMs / 1000));
  found.set('bulk: from complete to in the store, p50 s', percentile(took, 0.5) / 1000);
  found.set('bulk: from complete to in the store, p99 s', percentile(took, 0.99) / 1000);
  found.set('bulk: not in the store when it ends, MB', lag / MB);
  found.set('bulk: until it is, s', (Date.now() - ended) / 1000);
  found.set(
    'bulk: archiving, processor seconds/GB of WAL',
    ((await site.archivingMs()) - before.ms) / 1000 / (written / 2 ** 30),
  );
  found.set('bulk: objects/GB of WAL', segments.length / (written / 2 ** 30));
  found.set('bulk: stored, MB/GB of WAL', stored / MB / (written / 2 ** 30));

  // The last one is not full, but it may be the only one.
  const whole = segments.slice(0, Math.max(1, segments.length - 1)).slice(-pushesAlone);
  const pushes = await site.pushAlone(whole.map(({ name }) => name));
  const ms = pushes.map((push) => push.ms);
  found.set('one push by itself, p50 ms', percentile(ms, 0.5));
  found.set('one push by itself, p99 ms', percentile(ms, 0.99));
  found.set('one push by itself, how many', pushes.length);
  found.set('one push by itself, processor ms', median(pushes.map(({ processorMs }) => processorMs)));

  const idle: string[] = [];
  for (let each = 0; each < idleSegments; each++) idle.push(await site.idleSegment());
  const idleBytes = site.archived().flatMap(({ name, bytes }) => (idle.includes(name) ? [bytes] : []));
  found.set('an idle segment in the store, kB', median(idleBytes) / 1024);
  found.set('90 of them an hour, MB in the store', (median(idleBytes) * idleSegmentsAnHour) / MB);
  found.set('90 of them an hour, MB to each replica (computed)', site.megabytes * idleSegmentsAnHour);

  while ((await site.position()) < begun + replayed) await site.bulk(5);
  await site.archiveAll();
  const recovery = await site.recover(begun + replayed);
  found.set(`replay of ${replayed / MB} MB through restore_command, s`, recovery / 1000);
  found.set('replay, MB/s', replayed / MB / (recovery / 1000));
  return found;
}

/** Compares segment sizes in one run: from initdb to a recovery, each on its own PostgreSQL with a node's pgBackRest. */
export async function benchWal(runs: number, sizes: string[]): Promise<void> {
  const all = new Map<string, Findings[]>(sizes.map((size) => [size, []]));
  for (let run = 1; run <= runs; run++) {
    for (const [size, findings] of all) {
      say(`${size} MB, run ${run}`);
      const site = await SegmentSizeSite.make(Number(size));
      try {
        findings.push(await measure(site));
      } finally {
        await site.remove();
      }
      for (const [what, value] of findings.at(-1) ?? []) say(`  ${what}: ${shown(value)}`);
    }
  }
  const middle = (size: string, what: string) =>
    median((all.get(size) ?? []).map((findings) => findings.get(what) ?? NaN));
  const cell = (size: string, what: string): string => {
    const ratio = middle(size, what) / middle(usual, what);
    const beside = size !== usual && Number.isFinite(ratio) ? ` (${ratio.toFixed(2)})` : '';
    return shown(middle(size, what)) + beside;
  };
  const whats = [...(all.get(sizes[0] ?? '')?.[0]?.keys() ?? [])];
  record('wal', [
    `Runs: ${runs}; in brackets the ratio to ${usual} MB.`,
    '',
    `| --wal-segsize | ${sizes.map((size) => `${size} MB`).join(' | ')} |`,
    `|---|${sizes.map(() => '---:|').join('')}`,
    ...whats.map((what) => `| ${what} | ${sizes.map((size) => cell(size, what)).join(' | ')} |`),
  ]);
}
