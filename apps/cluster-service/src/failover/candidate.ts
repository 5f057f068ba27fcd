import type { Durability } from '@pgfleet/contracts';
import type { ClusterSight } from '@pgfleet/patroni';

/** One WAL segment: a replica that is further behind holds up whoever waits for it. */
const maxLagBytes = 16 * 2 ** 20;

export type Choice = { candidate: string } | { refusal: string };

type Sight = Pick<ClusterSight, 'leader' | 'members' | 'syncStandbys' | 'leaderPosition'>;

/** How far a member is behind the furthest position that is known, bytes; null while it does not say. */
export const lagBytes = ({ members, leaderPosition, leader }: Sight, name: string): number | null => {
  const position = members.get(name)?.walPosition;
  if (position == null) return null;
  const leaders = leader ? (members.get(leader)?.walPosition ?? 0) : 0;
  return Math.max(0, Math.max(leaderPosition ?? 0, leaders) - position);
};

/** Why a member may not be handed the lead; null when it may. */
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

/** The replica that is to lead: the one that was asked for, if it is fit, else the fit one that is least behind. */
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
