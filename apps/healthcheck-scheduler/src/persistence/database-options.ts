import { messagingMigrations } from '@pgfleet/messaging';
import type { PersistenceOptions } from '@pgfleet/persistence';
import { AddNotices1800000000015 } from './add-notices.migration';
import { AddSaturated1800000000014 } from './add-saturated.migration';
import { CreateHealthSchema1795000000000 } from './create-health-schema.migration';
import { NodeEntity } from './node.entity';
import { NodeChangeEntity } from './node-change.entity';

/** healthcheck-scheduler's own schema. */
export const databaseOptions = (url: string, caFile: string | undefined): PersistenceOptions => ({
  url,
  ...(caFile && { caFile }),
  schema: 'health',
  entities: [NodeEntity, NodeChangeEntity],
  migrations: [
    ...messagingMigrations,
    ...[CreateHealthSchema1795000000000, AddSaturated1800000000014, AddNotices1800000000015],
  ],
});
