import type { Backup, BackupList } from '@pgfleet/contracts';
import type { ArchiveRun } from '@pgfleet/pgbackrest';
import { bytesOf } from '../wal/wal-position';
import { segmentOf, usualSegmentBytes } from '../wal/wal-segment';
import { archiveHoles } from './archive-holes';
import type { TimelineBegin } from './history';
import { microsecondsOf } from './instant';
import type { ArchivedCommit, ArchivedHistory, Base } from './recovery-span';

/** pgBackRest records the second in which a backup stopped: the backup is certain to have stopped only once that second is over. */
const second = 1_000_000;

/** Null for a backup that cannot be restored, or whose position is unknown. */
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
  /** Null until a node has reported it. */
  segmentBytes: number | null;
}

/**
 * What the repository has, in the form that the window needs. Holes are the segments missing at the last complete listing. A
 * former leader that came back may have filled one since; it shows until the next listing.
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

/** The same for a timeline that may have been abandoned: segments of later timelines fill no hole there. */
export const historyTo = (timeline: number, known: Known): ArchivedHistory =>
  archivedHistory({
    ...known,
    runs: known.runs && known.runs.filter(({ first }) => parseInt(first.slice(0, 8), 16) <= timeline),
  });

/** The end of the newest segment that pgBackRest lists, or that the leader has since reported as archived. */
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
