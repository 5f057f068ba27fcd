import type { FailoverChange, FailoverSettings } from '@pgfleet/contracts';
import type { ClusterEntity } from '../persistence/cluster.entity';
import { failoverProfile } from './failover-profile';

type Chosen = Pick<ClusterEntity, 'profile' | 'durability' | 'fencing'>;

/** A cluster's failover settings as a customer sees them, with the resulting bounds. */
export const failoverSettings = (
  { profile, durability, fencing }: Chosen,
  fencingPossible: boolean,
): FailoverSettings => ({
  profile,
  durability,
  fencing,
  fencingPossible,
  failsafe: true,
  ...failoverProfile(profile).bounds,
});

/** The settings after a change; null if it changes nothing. */
export const changedSettings = (
  { profile, durability, fencing }: Chosen,
  change: FailoverChange,
): Chosen | null => {
  const current = { profile, durability, fencing };
  const next = { ...current, ...change };
  return JSON.stringify(next) === JSON.stringify(current) ? null : next;
};
