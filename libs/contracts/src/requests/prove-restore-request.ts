import { z } from 'zod';
import { RestoresToProve } from '../api/drill';
import { Operation } from '../api/operation';
import { ClusterId, LineageId, OperationId } from '../ids';
import { defineRequest } from './define-request';

export const proveRestore = defineRequest({
  service: 'cluster-service',
  name: 'prove-restore',
  description:
    'Starts restoring a lineage on a machine of its own, to prove that it can be done; ends with `cluster.proof.succeeded` or `cluster.proof.failed`, correlated to `requestedBy`. Asking again for the same `requestedBy` gives the same operation. 404.',
  input: z.object({
    clusterId: ClusterId,
    stanza: LineageId,
    requestedBy: OperationId,
    restores: RestoresToProve,
  }),
  output: Operation,
});
