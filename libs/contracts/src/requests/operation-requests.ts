import { z } from 'zod';
import { ListOperationsQuery, Operation } from '../api/operation';
import { pageOf } from '../api/page';
import { OperationId } from '../ids';
import { defineRequest, Idempotency } from './define-request';

export const OperationPage = pageOf(Operation, 'OperationPage');

/** Two services own operations and answer the same requests. Only the owner knows an id; the other service answers null. */
const operationRequests = <S extends 'cluster-service' | 'backup-service'>(service: S) => ({
  list: defineRequest({
    service,
    name: 'list-operations',
    description: 'Lists the operations of this service, newest first.',
    input: ListOperationsQuery,
    output: OperationPage,
  }),
  get: defineRequest({
    service,
    name: 'get-operation',
    description: 'Returns one operation, or null when another service owns it.',
    input: z.object({ operationId: OperationId }),
    output: Operation.nullable(),
  }),
  retry: defineRequest({
    service,
    name: 'retry-operation',
    description:
      'Resumes the operation at the step that failed. 409 when it has not failed. Null when another service owns it.',
    input: z.object({ operationId: OperationId, idempotency: Idempotency }),
    output: Operation.nullable(),
  }),
  cancel: defineRequest({
    service,
    name: 'cancel-operation',
    description:
      'Cancels the operation before its next step, and cancels its running job. Cancels a scheduled operation at once. 409 when it has ended. Null when another service owns it.',
    input: z.object({ operationId: OperationId, idempotency: Idempotency }),
    output: Operation.nullable(),
  }),
});

export const clusterOperations = operationRequests('cluster-service');
export const backupOperations = operationRequests('backup-service');
