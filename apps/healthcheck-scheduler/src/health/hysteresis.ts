import type { HealthState } from '@pgfleet/contracts';

export interface Standing {
  state: HealthState;
  /** Probes in a row that said otherwise than the state. */
  contrary: number;
}

export interface Thresholds {
  /** Failed probes in a row that make a node unhealthy, or saturated: whichever the last one saw. */
  unhealthyAfter: number;
  /** Good probes in a row that make a node healthy. */
  healthyAfter: number;
}

/**
 * What a probe makes of a node's standing. One failure is no verdict: a switchover or a lost packet fails a single probe. A node that
 * is not known yet follows the same counts.
 */
export function afterProbe(
  { state, contrary }: Standing,
  seen: Exclude<HealthState, 'unknown'>,
  thresholds: Thresholds,
): Standing {
  const ok = seen === 'healthy';
  if (seen === state) return { state, contrary: 0 };
  // While unknown, good probes count upwards and failed ones downwards: the first side to reach its count wins.
  const sameSide = state !== 'unknown' || contrary === 0 || contrary > 0 === ok;
  const count = (sameSide ? Math.abs(contrary) : 0) + 1;
  if (count >= (ok ? thresholds.healthyAfter : thresholds.unhealthyAfter))
    return { state: seen, contrary: 0 };
  return { state, contrary: state === 'unknown' && !ok ? -count : count };
}
