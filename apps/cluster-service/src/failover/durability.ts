import type { Durability } from '@pgfleet/contracts';
import type { SynchronousConfiguration } from '@pgfleet/patroni';

/** Patroni's settings that make a durability. Each names all of them, so that a change leaves nothing of the one before. */
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

/** The durability that Patroni's settings make: the inverse of {@link synchronousSettings}. */
export const durabilityOf = ({ synchronousMode, strict }: SynchronousConfiguration): Durability => {
  if (synchronousMode === 'off') return 'async';
  if (synchronousMode === 'quorum') return 'quorum';
  return strict ? 'strict-sync' : 'sync';
};

/**
 * Whether the leader acknowledges commits that no replica has, although the durability asks for one. Patroni gives `sync` and `quorum` up
 * while no replica can have the commits; with `strict-sync` they wait.
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
  // One that has just taken the lead still stands among the standbys of the leader before.
  syncStandbys.every((name) => name === leader);

/**
 * What a cluster gets that was not asked for anything. With `quorum` any one replica has an acknowledged write, so no failover loses
 * one, and with two replicas the loss of one of them stalls nobody: the other answers. With fewer than three nodes there is one
 * replica at most: its loss would hold up every commit until Patroni notices, so a small cluster is `async` unless it asks.
 */
export const defaultDurability = (nodes: number): Durability => (nodes >= 3 ? 'quorum' : 'async');

/** Why a cluster of so many nodes cannot have the durability; null when it can. */
export const durabilityFault = (durability: Durability, nodes: number): string | null =>
  durability === 'strict-sync' && nodes < 2
    ? 'strict-sync on a single node would make every write wait for a replica that there never is.'
    : null;
