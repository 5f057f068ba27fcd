import type { RestoreMarks } from '@pgfleet/contracts';
import type { ArchivedCommit, RecoverySpan } from '../window/recovery-span';

export interface MomentToProve {
  /** Microseconds. */
  time: number;
  transactions: RestoreMarks['transactions'];
}

type Known = ArchivedCommit & { xid: number };
/** Two successive known commits: at a moment between them, a restore has the first and not the second. */
type Between = readonly [Known, Known];

/** Commits are written nearly in the order of their times: a restore to this long after a commit contains it. */
const marginUs = 1_000_000;
const room = ([before, after]: Between): number => after.time - before.time - marginUs;

/** Every pair of neighbouring commits in the window with room for a moment between them. */
const between = ({ commits, earliest, latest, gaps }: RecoverySpan): Between[] => {
  if (!earliest || !latest) return [];
  const known = commits.filter(
    (commit): commit is Known =>
      commit.xid !== null && commit.time >= earliest.time && commit.position <= latest.position,
  );
  return known
    .slice(1)
    .map((after, index) => [known[index]!, after] as const)
    .filter(
      (pair) =>
        room(pair) > 0 &&
        pair[0].timeline === pair[1].timeline &&
        !gaps.some(({ hole }) => pair[0].position < hole.end && pair[1].position >= hole.begin),
    );
};

/**
 * Picks a moment of the window that lies between two known commits, with equal probability over that time. A restore to it must
 * contain the first commit and not the second. Returns null when the window is too young. `random` is in [0, 1).
 */
export const randomMoment = (span: RecoverySpan, random: number): MomentToProve | null => {
  const pairs = between(span);
  let place = Math.floor(random * pairs.reduce((sum, pair) => sum + room(pair), 0));
  for (const pair of pairs) {
    if (place < room(pair)) return momentIn(pair, pair[0].time + marginUs + place);
    place -= room(pair);
  }
  return null;
};

/** Returns the known commits around a requested moment. Commits too close to it are not checked. */
export const momentAt = (span: RecoverySpan, time: number): MomentToProve => {
  const pair = between(span).find(([before, after]) => time >= before.time + marginUs && time < after.time);
  return pair ? momentIn(pair, time) : { time, transactions: { present: [], absent: [] } };
};

const momentIn = ([before, after]: Between, time: number): MomentToProve => ({
  time,
  transactions: { present: [before.xid], absent: [after.xid] },
});
