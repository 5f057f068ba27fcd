import { type Acknowledged, type Attempt, isAcknowledged, type WrittenRow } from './attempt';
import { type DoubleLeader, doubleLeaders, type StaleLeader, staleLeaders } from './leaders';
import { duplicatesIn, keyOf, type Duplicate, type Stranger, strangersIn } from './unexpected-rows';

export interface WriteCheck {
  /** Every attempt of the clients, which have stopped. */
  readonly log: readonly Attempt[];
  /** The table's rows after that. */
  readonly rows: readonly WrittenRow[];
  /**
   * `sync` (the default): acknowledged rows are on two machines and must exist. `async`: the last rows of a leader that was lost
   * may be missing.
   */
  readonly durability?: 'sync' | 'async';
  /** How much may be missing under `async`; by default any number of rows. */
  readonly lossMax?: { readonly rows?: number };
}

export interface Verdict {
  /** Acknowledged, but missing. */
  readonly lost: readonly Acknowledged[];
  /** Present more than once, though sent once. */
  readonly duplicated: readonly Duplicate[];
  /** Present, though never sent, or refused, or different from what was acknowledged. */
  readonly strangers: readonly Stranger[];
  readonly doubleLeaders: readonly DoubleLeader[];
  readonly staleLeaders: readonly StaleLeader[];
  readonly acknowledged: number;
  readonly unknown: number;
  readonly refused: number;
  /** Whether the cluster kept its promise. */
  readonly ok: boolean;
}

/** Compares a cluster's rows with what it has acknowledged. */
export const checkWrites = ({ log, rows, durability = 'sync', lossMax }: WriteCheck): Verdict => {
  const acknowledged = log.filter(isAcknowledged);
  const there = new Set(rows.map(keyOf));
  const lost = acknowledged.filter((attempt) => !there.has(keyOf(attempt)));
  const faults = {
    duplicated: duplicatesIn(rows),
    strangers: strangersIn(rows, log),
    // Rows also show writes that were accepted but not acknowledged; the log also shows rows that are lost.
    doubleLeaders: doubleLeaders([...acknowledged, ...rows]),
    staleLeaders: staleLeaders(acknowledged),
  };
  const mayBeMissing = durability === 'sync' ? 0 : (lossMax?.rows ?? Infinity);
  const count = (outcome: Attempt['outcome']) => log.filter((attempt) => attempt.outcome === outcome).length;
  return {
    lost,
    ...faults,
    acknowledged: acknowledged.length,
    unknown: count('unknown'),
    refused: count('refused'),
    ok: lost.length <= mayBeMissing && Object.values(faults).every((found) => found.length === 0),
  };
};
