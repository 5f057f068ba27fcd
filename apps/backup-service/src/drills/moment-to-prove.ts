import type { RestoreMarks } from '@pgfleet/contracts';
import type { ArchivedCommit, RecoverySpan } from '../window/recovery-span';

export interface MomentToProve {
  /** Microseconds. */
  time: number;
  transactions: RestoreMarks['transactions'];
}

type Known = ArchivedCommit & { xid: number };
/** Two commits that are known, one after the other, so that a moment between them tells the one from the other. */
type Between = readonly [Known, Known];

/** Commits are written in nearly the order of their times: what comes so long after one has it. */
const marginUs = 1_000_000;
const room = ([before, after]: Between): number => after.time - before.time - marginUs;

/** Every pair of neighbours in the window with room for a moment between them. */
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
 * A moment of the window, each as likely as any other as far as it lies between two known commits: that of the one is to be found in what is
 * restored to it, that of the other is not. Null for a window that is too young. `random` is from 0 to 1, without 1.
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

/** What is known around a moment that was asked for; of what was committed too near to it nothing is asked. */
export const momentAt = (span: RecoverySpan, time: number): MomentToProve => {
  const pair = between(span).find(([before, after]) => time >= before.time + marginUs && time < after.time);
  return pair ? momentIn(pair, time) : { time, transactions: { present: [], absent: [] } };
};

const momentIn = ([before, after]: Between, time: number): MomentToProve => ({
  time,
  transactions: { present: [before.xid], absent: [after.xid] },
});
