import type { PossibleLoss } from '@pgfleet/contracts';
import type { LostLeader } from '../persistence/leadership.entity';

/**
 * What a change of the leader may have lost. Certainly nothing if the old leader handed over or leads again, or if the new leader
 * had every acknowledged write. Otherwise the loss is what the old leader was last seen to have written after the new timeline
 * branched off. The old leader may have written more than was seen.
 */
export function possibleLoss(lost: LostLeader, leader: string, promotedAt: number | null): PossibleLoss {
  if (lost.handover || leader === lost.leader || lost.safe.includes(leader)) return { bytes: 0, sure: true };
  const seen = lost.position !== null && promotedAt !== null ? lost.position - promotedAt : 0;
  return { bytes: Math.max(0, seen), sure: false };
}
