import type { WalSight } from '@pgfleet/contracts';
import { Gauge } from 'prom-client';
import { leaderOf } from './archive-records';
import { completeUntil, lagBytesOf, usedPercent } from './archive-verdict';

const lagBytes = new Gauge({
  name: 'pgfleet_archive_lag_bytes',
  help: 'WAL that the leader has written and the archive does not have.',
  labelNames: ['cluster'],
});
const commitTime = new Gauge({
  name: 'pgfleet_archive_last_commit_timestamp_seconds',
  help: 'Up to when everything that was committed is archived: the end of the recovery window.',
  labelNames: ['cluster'],
});
const failing = new Gauge({
  name: 'pgfleet_archive_failing',
  help: '1 while PostgreSQL tries in vain to archive a segment.',
  labelNames: ['cluster'],
});
const used = new Gauge({
  name: 'pgfleet_wal_disk_used_ratio',
  help: 'Used share of the file system with the WAL of a node.',
  labelNames: ['cluster', 'node'],
});

/** Sets the metrics to the current snapshots; clusters that are gone disappear from them. */
export const showArchives = (sights: readonly WalSight[]): void => {
  for (const gauge of [lagBytes, commitTime, failing, used]) gauge.reset();
  for (const sight of sights) {
    const { clusterId: cluster } = sight;
    const archive = leaderOf(sight)?.archive;
    const lag = archive && lagBytesOf(archive);
    if (typeof lag === 'number') lagBytes.set({ cluster }, lag);
    if (archive?.commit) commitTime.set({ cluster }, completeUntil(archive.commit, archive.settledAt) / 1000);
    if (archive) failing.set({ cluster }, archive.failing ? 1 : 0);
    for (const { name: node, disk } of sight.members)
      if (disk) used.set({ cluster, node }, usedPercent(disk) / 100);
  }
};
