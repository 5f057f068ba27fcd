import type { Durability, PossibleLoss } from '@pgfleet/contracts';
import type { ClusterSight } from '@pgfleet/patroni';
import { lagBytes, type Choice } from './candidate';

/** Chooses the member to follow a leader that cannot hand over: the furthest one that runs, synchronous if there is one. */
export function chooseSuccessor(
  sight: ClusterSight,
  leader: string | null,
  durability: Durability,
  wanted?: string,
): Choice {
  const runs = (name: string) =>
    ['running', 'streaming', 'in archive recovery'].includes(sight.members.get(name)?.state ?? '');
  const safe = (name: string) =>
    durability === 'async' || sight.syncStandbys.length === 0 || sight.syncStandbys.includes(name);
  const able = [...sight.members.keys()].filter((name) => name !== leader && runs(name));
  if (wanted !== undefined) {
    if (!able.includes(wanted)) return { refusal: `${wanted} cannot take over: it does not run` };
    return safe(wanted)
      ? { candidate: wanted }
      : { refusal: `${wanted} is not synchronous and may lack acknowledged writes` };
  }
  const position = (name: string) => sight.members.get(name)?.walPosition ?? 0;
  const [best] = able.filter(safe).sort((a, b) => position(b) - position(a));
  if (best !== undefined) return { candidate: best };
  return {
    refusal: able.length === 0 ? 'no other member runs' : 'none of the members that run is synchronous',
  };
}

/**
 * What the change to the candidate may lose, judged by the leader's last observed state. Under `quorum` any one member has an
 * acknowledged write, and Patroni promotes a named candidate without checking. With several members it is not known whether the
 * candidate is the one.
 */
export const lossOf = (sight: ClusterSight, candidate: string, durability: Durability): PossibleLoss => {
  const safe = durability !== 'async' && sight.syncStandbys.includes(candidate);
  const sure = safe && (durability !== 'quorum' || sight.syncStandbys.length === 1);
  return { bytes: sure ? 0 : (lagBytes(sight, candidate) ?? 0), sure };
};

/** Whether every member present, other than the leader, misses the leader, and at least one does. */
export const agreeThatLost = ({ members, nodes }: ClusterSight, leader: string): boolean => {
  const others = [...members.keys()].filter((name) => name !== leader);
  return others.length > 0 && others.every((name) => nodes.get(name)?.lost?.leader === leader);
};

/**
 * Whether the members, if no candidate is named, elect one that has every acknowledged write. A leader that none of them reaches
 * loses its lease.
 */
export const electsWithoutLoss = (
  sight: ClusterSight,
  leader: string | null,
  durability: Durability,
): boolean => durability === 'quorum' && leader !== null && agreeThatLost(sight, leader);
