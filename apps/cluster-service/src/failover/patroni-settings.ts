import type { ClusterEntity } from '../persistence/cluster.entity';
import { synchronousSettings } from './durability';
import { failoverProfile } from './failover-profile';

/** A cluster's failover settings as values of Patroni's dynamic configuration (`/config`), at its creation and at a change. */
export const patroniSettings = ({
  profile,
  durability,
}: Pick<ClusterEntity, 'profile' | 'durability'>): Record<string, unknown> => ({
  ...failoverProfile(profile).patroni,
  ...synchronousSettings(durability),
});
