import type { PossibleLoss } from '@pgfleet/contracts';
import type { LostLeader } from '../persistence/leadership.entity';

/**
 * What a change of the leader may have lost. Nothing, for certain, when the old leader handed over, when it leads again, or when the
 * new one had every acknowledged write. Else what was last seen of the old leader beyond the point where the new one went its own
 * way; the old one may have written more than was seen.
 */
export function possibleLoss(lost: LostLeader, leader: string, promotedAt: number | null): PossibleLoss {
  if (lost.handover || leader === lost.leader || lost.safe.includes(leader)) return { bytes: 0, sure: true };
  const seen = lost.position !== null && promotedAt !== null ? lost.position - promotedAt : 0;
  return { bytes: Math.max(0, seen), sure: false };
}
