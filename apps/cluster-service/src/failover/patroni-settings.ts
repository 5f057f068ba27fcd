import type { ClusterEntity } from '../persistence/cluster.entity';
import { synchronousSettings } from './durability';
import { failoverProfile } from './failover-profile';

/** A cluster's failover settings as values of Patroni's dynamic configuration (`/config`), for its creation and for changes. */
export const patroniSettings = ({
  profile,
  durability,
}: Pick<ClusterEntity, 'profile' | 'durability'>): Record<string, unknown> => ({
  ...failoverProfile(profile).patroni,
  ...synchronousSettings(durability),
});
