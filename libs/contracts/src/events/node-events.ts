import { z } from 'zod';
import { NodeName, Reason } from '../api/fields';
import { HealthCheck, HealthState } from '../api/health';
import { defineEvent } from '../define-event';
import { ClusterId } from '../ids';

export const nodeHealthChanged = defineEvent({
  name: 'node.health.changed',
  version: 1,
  description: "A node's health changed. Published on change only.",
  data: z.object({
    clusterId: ClusterId,
    node: NodeName,
    from: HealthState,
    to: HealthState,
    reason: Reason,
    checks: z.array(HealthCheck),
  }),
});
