import { z } from 'zod';
import { RestoresToProve } from '../api/drill';
import { Operation } from '../api/operation';
import { ClusterId, LineageId, OperationId } from '../ids';
import { defineRequest } from './define-request';

export const proveRestore = defineRequest({
  service: 'cluster-service',
  name: 'prove-restore',
  description:
    'Starts test restores of a lineage on a separate machine. Ends with `cluster.proof.succeeded` or `cluster.proof.failed`, correlated to `requestedBy`. A repeated request with the same `requestedBy` returns the same operation. 404.',
  input: z.object({
    clusterId: ClusterId,
    stanza: LineageId,
    requestedBy: OperationId,
    restores: RestoresToProve,
  }),
  output: Operation,
});
