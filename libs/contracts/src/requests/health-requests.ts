import { z } from 'zod';
import { ClusterHealth } from '../api/health';
import { ClusterId } from '../ids';
import { defineRequest } from './define-request';

export const getClusterHealth = defineRequest({
  service: 'healthcheck-scheduler',
  name: 'get-cluster-health',
  description:
    'Returns the current health and recent history of every node. 404 for a cluster that is not probed.',
  input: z.object({ clusterId: ClusterId }),
  output: ClusterHealth,
});
