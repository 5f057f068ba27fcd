import type { Backup, BackupList } from '@pgfleet/contracts';
import type { ArchiveRun } from '@pgfleet/pgbackrest';
import { bytesOf } from '../wal/wal-position';
import { segmentOf, usualSegmentBytes } from '../wal/wal-segment';
import { archiveHoles } from './archive-holes';
import type { TimelineBegin } from './history';
import { microsecondsOf } from './instant';
import type { ArchivedCommit, ArchivedHistory, Base } from './recovery-span';

/** pgBackRest keeps the second in which a backup stopped: only when that is over had it certainly. */
const second = 1_000_000;

/** Null for one that cannot be restored, or does not say where it is. */
export const baseOf = ({ label, failed, stoppedAt, walStop, lsnStart, lsnStop }: Backup): Base | null => {
  if (failed || !walStop || !lsnStart || !lsnStop) return null;
  const timeline = parseInt(walStop.slice(0, 8), 16);
  const stop = { timeline, position: bytesOf(lsnStop), time: microsecondsOf(stoppedAt) + second };
  return { label, begin: bytesOf(lsnStart), stop };
};

export interface Known {
  list: BackupList;
  commits: readonly ArchivedCommit[];
  timelines: readonly TimelineBegin[];
  runs: readonly ArchiveRun[] | null;
  /** Null while no node has said. */
  segmentBytes: number | null;
}

/**
 * What the store has, as the window is made of it. Holes are what was missing when every segment was last looked for: one that shows then
 * may have been filled since, by an old leader that came back, and shows until the next look.
 */
export const archivedHistory = ({
  list,
  commits,
  timelines,
  runs,
  segmentBytes,
}: Known): ArchivedHistory => ({
  bases: list.items.map(baseOf).filter((base) => base !== null),
  commits,
  timelines,
  holes: archiveHoles(runs ?? [], segmentBytes ?? usualSegmentBytes),
});

/** The same, on the way to a timeline that may have been left: what was archived of later ones fills no hole there. */
export const historyTo = (timeline: number, known: Known): ArchivedHistory =>
  archivedHistory({
    ...known,
    runs: known.runs && known.runs.filter(({ first }) => parseInt(first.slice(0, 8), 16) <= timeline),
  });

/** The end of the newest segment that pgBackRest shows, or that the leader has said was archived since. */
export const archivedUntil = (
  { walMax }: BackupList,
  segment: string | null,
  segmentBytes: number | null,
): number | null => {
  const ends = [walMax, segment]
    .filter((name) => name !== null)
    .map((name) => segmentOf(name, segmentBytes ?? usualSegmentBytes).end);
  return ends.length > 0 ? Math.max(...ends) : null;
};
