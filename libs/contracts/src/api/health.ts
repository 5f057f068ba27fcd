import { z } from 'zod';
import { ClusterId } from '../ids';
import { Instant, NodeName, Reason } from './fields';

export const HealthState = z.enum(['unknown', 'healthy', 'saturated', 'unhealthy']).meta({
  description:
    'saturated: the node works, but clients of its poolers wait for seconds because every connection is in use; the check `pools` has the numbers',
});
export type HealthState = z.infer<typeof HealthState>;

export const HealthCheck = z
  .object({
    name: z.enum(['patroni', 'sql', 'replication', 'pools', 'disk']),
    ok: z.boolean(),
    detail: z.string().meta({ example: 'streaming, 0 bytes behind' }),
    milliseconds: z.number().nonnegative(),
  })
  .meta({ id: 'HealthCheck' });
export type HealthCheck = z.infer<typeof HealthCheck>;

export const NodeHealth = z
  .object({
    node: NodeName,
    state: HealthState,
    since: Instant,
    checkedAt: Instant.nullable(),
    checks: z.array(HealthCheck),
    history: z.array(z.object({ state: HealthState, at: Instant, reason: Reason })),
  })
  .meta({ id: 'NodeHealth' });
export type NodeHealth = z.infer<typeof NodeHealth>;

export const ClusterHealth = z
  .object({
    clusterId: ClusterId,
    state: HealthState,
    notices: z
      .array(z.string())
      .default([])
      .meta({
        description:
          'changes made with SQL that keep the customer from using the role or the database; not a fault of the nodes',
        example: ['The role app may not connect to the database app: CONNECT was revoked.'],
      }),
    nodes: z.array(NodeHealth),
  })
  .meta({ id: 'ClusterHealth' });
export type ClusterHealth = z.infer<typeof ClusterHealth>;
