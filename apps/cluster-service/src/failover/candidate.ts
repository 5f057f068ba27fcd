import type { Durability } from '@pgfleet/contracts';
import type { ClusterSight } from '@pgfleet/patroni';

/** One WAL segment. A replica that is further behind makes every waiting client wait longer. */
const maxLagBytes = 16 * 2 ** 20;

export type Choice = { candidate: string } | { refusal: string };

type Sight = Pick<ClusterSight, 'leader' | 'members' | 'syncStandbys' | 'leaderPosition'>;

/** How far a member is behind the furthest known position, in bytes; null if it does not report its position. */
export const lagBytes = ({ members, leaderPosition, leader }: Sight, name: string): number | null => {
  const position = members.get(name)?.walPosition;
  if (position == null) return null;
  const leaders = leader ? (members.get(leader)?.walPosition ?? 0) : 0;
  return Math.max(0, Math.max(leaderPosition ?? 0, leaders) - position);
};

/** Why a member cannot become the leader; null if it can. */
const unfitness = (sight: Sight, name: string, durability: Durability): string | null => {
  const member = sight.members.get(name);
  if (!member) return `the cluster has no member named ${name}`;
  if (name === sight.leader) return `${name} leads already`;
  if (member.state !== 'streaming') return `${name} is ${member.state} instead of streaming`;
  const lag = lagBytes(sight, name);
  if (lag === null || lag > maxLagBytes) return `${name} is ${lag ?? 'an unknown number of'} bytes behind`;
  if (durability !== 'async' && sight.syncStandbys.length > 0 && !sight.syncStandbys.includes(name))
    return `${name} is not synchronous: Patroni hands the lead to ${sight.syncStandbys.join(' or ')} only`;
  return null;
};

/** Chooses the replica to lead next: the requested one if it is fit, otherwise the fit one with the least lag. */
export function chooseCandidate(sight: Sight, durability: Durability, wanted?: string): Choice {
  if (wanted !== undefined) {
    const fault = unfitness(sight, wanted, durability);
    return fault ? { refusal: fault } : { candidate: wanted };
  }
  const names = [...sight.members.keys()].filter((name) => name !== sight.leader).sort();
  const faults = names.map((name) => unfitness(sight, name, durability));
  const [best] = names
    .filter((_, index) => faults[index] === null)
    .sort((a, b) => (lagBytes(sight, a) ?? 0) - (lagBytes(sight, b) ?? 0));
  if (best !== undefined) return { candidate: best };
  return { refusal: faults.filter(Boolean).join('; ') || 'the cluster has no replica' };
}
