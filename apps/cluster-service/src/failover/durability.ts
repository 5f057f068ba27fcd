import type { Durability } from '@pgfleet/contracts';
import type { SynchronousConfiguration } from '@pgfleet/patroni';

/** Patroni's settings for a durability. Each durability sets all of them, so that a change leaves nothing of the previous one. */
export interface SynchronousSettings {
  synchronous_mode: boolean | 'quorum';
  synchronous_mode_strict: boolean;
  synchronous_node_count: number;
}

const settings: Record<Durability, Omit<SynchronousSettings, 'synchronous_node_count'>> = {
  async: { synchronous_mode: false, synchronous_mode_strict: false },
  sync: { synchronous_mode: true, synchronous_mode_strict: false },
  'strict-sync': { synchronous_mode: true, synchronous_mode_strict: true },
  quorum: { synchronous_mode: 'quorum', synchronous_mode_strict: false },
};

/** @see https://patroni.readthedocs.io/en/latest/replication_modes.html */
export const synchronousSettings = (durability: Durability): SynchronousSettings => ({
  ...settings[durability],
  synchronous_node_count: 1,
});

/** The durability that Patroni's settings result in: the inverse of {@link synchronousSettings}. */
export const durabilityOf = ({ synchronousMode, strict }: SynchronousConfiguration): Durability => {
  if (synchronousMode === 'off') return 'async';
  if (synchronousMode === 'quorum') return 'quorum';
  return strict ? 'strict-sync' : 'sync';
};

/**
 * Whether the leader acknowledges commits that no replica has, although the durability requires one. Patroni suspends `sync` and
 * `quorum` while no replica can have the commits; under `strict-sync` commits wait.
 */
export const acknowledgesAlone = ({
  durability,
  nodes,
  leader,
  syncStandbys,
}: {
  durability: Durability;
  nodes: number;
  leader: string;
  syncStandbys: readonly string[];
}): boolean =>
  nodes > 1 &&
  (durability === 'sync' || durability === 'quorum') &&
  // A new leader is still listed among the previous leader's standbys.
  syncStandbys.every((name) => name === leader);

/**
 * The durability of a cluster whose creator asked for none. Under `quorum` any one replica has an acknowledged write, so no
 * failover loses one. With two replicas, losing one stalls nobody, because the other answers. With fewer than three nodes there
 * is at most one replica. Losing it would hold up every commit until Patroni notices, so a small cluster is `async` by default.
 */
export const defaultDurability = (nodes: number): Durability => (nodes >= 3 ? 'quorum' : 'async');

/** Why a cluster with this many nodes cannot have the durability; null if it can. */
export const durabilityFault = (durability: Durability, nodes: number): string | null =>
  durability === 'strict-sync' && nodes < 2
    ? 'strict-sync on a single node would make every write wait for a replica that there never is.'
    : null;
