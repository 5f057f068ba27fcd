import type { HealthState } from '@pgfleet/contracts';

export interface Standing {
  state: HealthState;
  /** How many probes in a row contradicted the state. */
  contrary: number;
}

export interface Thresholds {
  /** How many failed probes in a row make a node unhealthy or saturated. The last probe decides which. */
  unhealthyAfter: number;
  /** How many successful probes in a row make a node healthy. */
  healthyAfter: number;
}

/**
 * Applies the result of a probe to a node's state. One failure does not change the state, because a switchover or a lost packet can
 * fail a single probe. The same thresholds apply while the state is unknown.
 */
export function afterProbe(
  { state, contrary }: Standing,
  seen: Exclude<HealthState, 'unknown'>,
  thresholds: Thresholds,
): Standing {
  const ok = seen === 'healthy';
  if (seen === state) return { state, contrary: 0 };
  // While unknown, successful probes count up and failed ones count down. The first side to reach its threshold wins.
  const sameSide = state !== 'unknown' || contrary === 0 || contrary > 0 === ok;
  const count = (sameSide ? Math.abs(contrary) : 0) + 1;
  if (count >= (ok ? thresholds.healthyAfter : thresholds.unhealthyAfter))
    return { state: seen, contrary: 0 };
  return { state, contrary: state === 'unknown' && !ok ? -count : count };
}
