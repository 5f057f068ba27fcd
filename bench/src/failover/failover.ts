import { labPaths, labSettings, type LabClient } from '@pgfleet/lab';
import { bringUp, followEvents, say, type Platform } from '@pgfleet/platform';
import { setTimeout as pause } from 'node:timers/promises';
import { record } from '../results';
import { untilSignal } from '../until-signal';
import { ElectionWatch, type Delay } from './election-watch';
import { frozenLeader } from './frozen-leader';
import { PgfleetSite } from './pgfleet-site';
import { plannedChange, type PlannedMeasured } from './planned';
import { RawSite } from './raw-site';
import { percentile, Report, verdicts } from './report';
import { leaderOf, onMachines, repair, type OnMachine, type Site } from './site';
import { writeGap, type GapMeasured, type Harm } from './write-gap';

const ssh = ['ssh', '-F', labPaths(labSettings()).sshConfig, '-o', 'LogLevel=ERROR'];

/** Everything a case needs. */
interface Bench {
  platform: Platform;
  on: OnMachine;
  ours: PgfleetSite;
  raw: RawSite;
  runs: number;
  report: Report;
}
type Case = (bench: Bench) => Promise<void>;

async function repeated(site: Site, runs: number, harm: Harm): Promise<GapMeasured[]> {
  const measured: GapMeasured[] = [];
  for (let run = 0; run < runs; run++) measured.push(await writeGap(site, harm));
  return measured;
}

/** One row for one kind of harm. */
async function gaps(
  { report, runs }: Bench,
  what: string,
  who: string,
  site: Site,
  harm: Harm,
): Promise<void> {
  const measured = await repeated(site, runs, harm);
  const found = verdicts(
    measured.map(({ verdict }) => verdict),
    harm.durability,
  );
  report.row(
    what,
    who,
    measured.map(({ gapMs }) => gapMs),
    [found],
  );
}

/** Gives this machine's cores to one cluster: the other cluster's machines stay frozen meanwhile, for less than a lease. */
async function alone(lab: LabClient, other: Site, work: () => Promise<void>): Promise<void> {
  const set = (frozen: boolean) => Promise.all(other.nodes.map(({ name }) => lab.setFrozen(name, frozen)));
  await other.whole();
  try {
    await set(true);
    await work();
  } finally {
    await set(false);
  }
}

const planned: Case = async ({ platform: { lab }, ours, raw, runs, report }) => {
  for (const mode of ['simple', 'prepared'] as const) {
    for (const site of [raw, ours]) {
      const measured: PlannedMeasured[] = [];
      // The bar is over twenty pgfleet switchovers: ten of each kind.
      for (let run = 0; run < (site === ours ? Math.max(runs, 10) : runs); run++)
        measured.push(
          await plannedChange(site, mode, ssh, (change) => alone(lab, site === ours ? raw : ours, change)),
        );
      const sum = (count: (one: PlannedMeasured) => number) =>
        measured.reduce((total, one) => total + count(one), 0);
      report.row(
        `planned switchover, pgbench -M ${mode}, 20 clients: longest time without a transaction`,
        site.name,
        measured.map(({ worstStallMs, gapMs, disconnects }) =>
          // A client that is cut off also ends its transaction: then the time comes from the writers, which reconnect.
          disconnects > 0 ? Math.max(worstStallMs, gapMs) : worstStallMs,
        ),
        [
          `${sum(({ failed }) => failed)} failed, ${sum(({ disconnects }) => disconnects)} disconnects`,
          verdicts(
            measured.map(({ verdict }) => verdict),
            site === ours ? 'sync' : 'async',
          ),
        ],
      );
    }
  }
};

const postmaster: Case = async (bench) => {
  const kill: Harm = {
    harm: async (leader) => {
      await bench.on(leader, `kill -9 $(head -1 /var/lib/postgresql/17/main/postmaster.pid)`);
    },
    repair: () => Promise.resolve(),
    durability: 'async',
  };
  await gaps(bench, "leader's postmaster killed: write gap", bench.raw.name, bench.raw, kill);
  await gaps(bench, "leader's postmaster killed: write gap", bench.ours.name, bench.ours, {
    ...kill,
    durability: 'sync',
  });
};

const machine: Case = async (bench) => {
  const { lab } = bench.platform;
  const off: Harm = {
    harm: async (leader) => {
      await lab.setPower(leader, 'off');
    },
    repair: (leader) => repair(lab, [leader]),
  };
  const what = "leader's machine without power: write gap";
  await gaps(bench, what, bench.raw.name, bench.raw, { ...off, durability: 'async' });
  await bench.ours.set({ fencing: false });
  await gaps(bench, what, "pgfleet, by Patroni's lease", bench.ours, off);
  await bench.ours.set({ fencing: true });
  await gaps(bench, what, 'pgfleet, fenced', bench.ours, off);
};

const cut: Case = async (bench) => {
  const { lab } = bench.platform;
  const harm: Harm = {
    harm: async (leader) => {
      await lab.setNetwork(leader, 'cut');
    },
    repair: (leader) => repair(lab, [leader]),
  };
  const what = "leader's machine cut from the network: write gap";
  await gaps(bench, what, bench.raw.name, bench.raw, { ...harm, durability: 'async' });
  await gaps(bench, what, bench.ours.name, bench.ours, harm);
};

const frozen: Case = async ({ platform, ours, runs, report }) => {
  const measured = [];
  for (let run = 0; run < runs; run++) measured.push(await frozenLeader(ours, platform.lab));
  report.row(
    "leader's machine frozen for 40 s, then thawed: write gap",
    ours.name,
    measured.map(({ gapMs }) => gapMs),
    [
      verdicts(measured.map(({ verdict }) => verdict)),
      `statements sent to the frozen node itself: ${measured.map(({ direct }) => direct).join(', ')}`,
      `rejoined: ${measured.map(({ rejoined }) => rejoined).join(', ')}`,
    ],
  );
};

const etcdMachines = ['etcd1', 'etcd2', 'etcd3'] as const;

/** Address of the machine whose etcd leads. */
async function etcdLeader({ on }: Bench): Promise<string> {
  const text = await on(
    'etcd1',
    `env $(grep -v '^#' /etc/pgfleet/etcdctl.env | xargs) etcdctl endpoint status --cluster -w json`,
  );
  const all = JSON.parse(text) as {
    Endpoint: string;
    Status: { header: { member_id: number }; leader: number };
  }[];
  const leads = all.find(({ Status: { header, leader } }) => header.member_id === leader);
  if (!leads) throw new Error(`no member of etcd leads: ${text}`);
  return new URL(leads.Endpoint).hostname;
}

const etcdAndDatabase: Case = async (bench) => {
  const { lab } = bench.platform;
  const harm: Harm = {
    harm: async (leader) => {
      const address = await etcdLeader(bench);
      const name = (await lab.list()).find((machine) => machine.address === address)?.name ?? '';
      await Promise.all([name, leader].map((machine) => lab.setPower(machine, 'off')));
    },
    repair: (leader) => repair(lab, [leader, ...etcdMachines]),
  };
  const what = "the machines of etcd's leader and of the database's leader without power, at once: write gap";
  await gaps(bench, what, bench.raw.name, bench.raw, { ...harm, durability: 'async' });
  await gaps(bench, what, bench.ours.name, bench.ours, harm);
};

const etcdLost: Case = async (bench) => {
  const { lab } = bench.platform;
  const lose = (names: readonly string[]): Harm => ({
    harm: async () => {
      await Promise.all(names.map((name) => lab.setPower(name, 'off')));
      await pause(45_000);
      await repair(lab, names);
    },
    repair: () => Promise.resolve(),
    watchMs: 15_000,
  });
  for (const names of [etcdMachines.slice(1), etcdMachines]) {
    const what = `${names.length} of 3 etcd members without power for 45 s: write gap`;
    await gaps(bench, what, bench.raw.name, bench.raw, {
      ...lose(names),
      durability: 'async',
    });
    await gaps(bench, what, bench.ours.name, bench.ours, lose(names));
  }
};

/** With asynchronous replication, whatever only the old leader had is lost. It is counted twice: by the clients and by the platform. */
const asyncLoss: Case = async ({ platform, ours, runs, report }) => {
  const { lab, access } = platform;
  await ours.set({ durability: 'async' });
  const told: { transactions: number; bytes: number }[] = [];
  const { stop } = await followEvents(
    access.nats,
    { from: 'new', subject: `events.cluster.${ours.clusterId}.failover.loss.measured` },
    ({ data }) => told.push(data as { transactions: number; bytes: number }),
  );
  const measured: GapMeasured[] = [];
  for (let run = 0; run < runs; run++) {
    measured.push(
      await writeGap(ours, {
        durability: 'async',
        harm: async (leader) => {
          const replicas = ours.nodes.map(({ name }) => name).filter((name) => name !== leader);
          await Promise.all(replicas.map((name) => lab.setNetwork(name, 'cut')));
          await pause(1_500); // the leader continues alone
          await lab.setPower(leader, 'off');
          await repair(lab, replicas);
        },
        repair: async (leader) => {
          await repair(lab, [leader]);
          const before = told.length;
          const deadline = Date.now() + 120_000;
          while (told.length === before && Date.now() < deadline) await pause(200);
        },
      }),
    );
  }
  await stop();
  report.row(
    'asynchronous, the leader writes alone for 1.5 s, then loses power: write gap',
    ours.name,
    measured.map(({ gapMs }) => gapMs),
    [
      `rows acknowledged and lost, by the clients: ${measured.map(({ verdict }) => verdict.lost.length).join(', ')}`,
      `transactions lost, by cluster.failover.loss.measured: ${told.map(({ transactions }) => transactions).join(', ')}`,
    ],
  );
  await ours.set({ durability: 'quorum' });
};

const keyToEvent = "the leader's key in etcd → cluster.leader.changed at a subscriber outside";

/** The delays, and the notes on them. */
function told(delays: Delay[]): [number[], string[]] {
  const all = delays.map(({ ms }) => ms);
  const published = delays.map(({ publishedMs }) => publishedMs);
  say(delays.map(({ ms, publishedMs }) => `${ms} (${publishedMs} after it was made)`).join(', '));
  const notes = [
    `p50 ${percentile(all, 0.5)} ms, p99 ${percentile(all, 0.99)} ms`,
    `of it from the event that was made to the subscriber: p50 ${percentile(published, 0.5)} ms, p99 ${percentile(published, 0.99)} ms`,
  ];
  return [all, notes];
}

/** A shell command that makes each member the leader in turn, as far as etcd knows, twice a second; at the end there is no leader. */
function leaderKeys({ clusterId, nodes }: Site, times: number): string {
  const key = `/service/${clusterId}/leader`;
  const turn = nodes.map(({ name }) => name);
  const names = Array.from({ length: times }, (_, nth) => turn[nth % turn.length]).join(' ');
  return `export $(grep -v '^#' /etc/pgfleet/etcdctl.env | xargs)
    for name in ${names}; do etcdctl put ${key} $name; sleep 0.5; done; etcdctl del ${key}`;
}

/** At least fifty elections, including those of the planned switchovers. */
const elections: Case = async ({ platform, on, ours, raw, report }) => {
  const watch = await ElectionWatch.start(platform, ssh);
  await pause(1_000);
  while (watch.delays().length < 50) {
    // Two clusters alternate: one changes its leader once the other is complete again.
    for (const site of [ours, raw]) {
      await site.whole();
      await site.switchOver();
    }
  }
  await pause(1_000);
  const elected = watch.take();
  report.row(keyToEvent, 'pgfleet', ...told(elected));

  // The same change without an election: how much of the delay is the platform's, and how much comes from the election's CPU load?
  await Promise.all([ours, raw].map((site) => site.whole()));
  const machines = [...ours.nodes, ...raw.nodes].map(({ name }) => name);
  try {
    await Promise.all(machines.map((name) => platform.lab.setFrozen(name, true)));
    await on('etcd1', leaderKeys(ours, 50));
    await pause(1_000);
  } finally {
    await Promise.all(machines.map((name) => platform.lab.setFrozen(name, false)));
  }
  const written = watch.take();
  await watch.stop();
  report.row(
    `${keyToEvent}, the key written while the machines of both clusters stand still`,
    'pgfleet',
    ...told(written),
  );
};

export const failoverCases: Record<string, Case> = {
  planned,
  postmaster,
  machine,
  cut,
  frozen,
  'etcd-and-database': etcdAndDatabase,
  'etcd-lost': etcdLost,
  'async-loss': asyncLoss,
  elections,
};

/**
 * Planned and unplanned changes of the leader: Patroni and HAProxy as their documentation sets them up, compared with pgfleet, in
 * one run.
 */
export async function benchFailover(runs: number, names: string[]): Promise<void> {
  const platform = await bringUp(labSettings());
  const userId = (await platform.api.createUser({ name: 'bench' })).id;
  const on = onMachines(ssh);
  const made: PgfleetSite[] = [];
  try {
    await untilSignal(async () => {
      say('making two clusters');
      const ours = await PgfleetSite.make(platform, 'bench-ours', userId);
      made.push(ours);
      const toBeRaw = await PgfleetSite.make(platform, 'bench-raw', userId);
      made.push(toBeRaw);
      const raw = await RawSite.outOf(toBeRaw, on);
      say(`${raw.name}: ${await leaderOf(raw)} leads`);
      for (const name of names) {
        say(`case ${name}`);
        const report = new Report();
        await failoverCases[name]?.({ platform, on, ours, raw, runs, report });
        record(`failover ${name}`, report.lines);
      }
    });
  } catch (error) {
    say(`broke off: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    throw error;
  } finally {
    await repair(platform.lab, [
      ...etcdMachines,
      ...made.flatMap(({ nodes }) => nodes.map(({ name }) => name)),
    ]);
    for (const { clusterId } of made) {
      const { id } = await platform.api.deleteCluster(clusterId, false);
      await platform.api.follow(id, 180_000);
    }
    await platform.api.call('DELETE', `/users/${userId}`);
  }
}
