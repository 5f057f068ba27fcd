import { z } from 'zod';
import { ListOperationsQuery, Operation } from '../api/operation';
import { LogHeaders, LogPage, LogQuery } from '../api/operation-log';
import { OperationId } from '../ids';
import { OperationPage } from '../requests/operation-requests';
import { defineEndpoint } from './define-endpoint';

const tag = 'Operations';
const params = z.strictObject({ operationId: OperationId });
const missing = 'The operation does not exist.';

/** Operations of all services. Names the services that did not answer, so that their operations are not missing silently. */
export const OperationList = OperationPage.extend({
  unavailable: z
    .array(z.string())
    .meta({ description: 'services that did not answer; their operations are missing', example: [] }),
}).meta({ id: 'OperationList' });
export type OperationList = z.infer<typeof OperationList>;

export const getOperations = defineEndpoint({
  id: 'listOperations',
  method: 'GET',
  path: '/operations',
  tag,
  summary: 'List operations',
  description:
    'Lists the operations of all services, newest first. If a service does not answer, its operations are missing and `unavailable` names it.',
  query: ListOperationsQuery,
  answer: { status: 200, description: 'A page of operations.', schema: OperationList },
});

export const getOperationById = defineEndpoint({
  id: 'getOperation',
  method: 'GET',
  path: '/operations/{operationId}',
  tag,
  summary: 'Get an operation',
  description:
    'Returns the steps of the operation with state, attempt and times. For a failed operation it names the step, the cause and the remedy.',
  params,
  answer: { status: 200, description: 'The operation.', schema: Operation },
  refusals: { 404: missing },
});

export const postRetry = defineEndpoint({
  id: 'retryOperation',
  method: 'POST',
  path: '/operations/{operationId}/retry',
  tag,
  summary: 'Retry a failed operation',
  description: 'Resumes the operation at the step that failed, with the results of the steps before it.',
  params,
  answer: {
    status: 202,
    description: 'The operation has resumed.',
    schema: Operation,
    location: '/operations/{id}',
  },
  refusals: {
    404: missing,
    409: 'The operation has not failed, or another operation is changing the cluster.',
  },
});

export const postCancel = defineEndpoint({
  id: 'cancelOperation',
  method: 'POST',
  path: '/operations/{operationId}/cancel',
  tag,
  summary: 'Cancel an operation',
  description:
    'Stops the operation before its next step, and cancels the job that is running for it. A scheduled operation is cancelled at once.',
  params,
  answer: {
    status: 202,
    description: 'The operation will stop, or is cancelled already if it was only scheduled.',
    schema: Operation,
    location: '/operations/{id}',
  },
  refusals: { 404: missing, 409: 'The operation has ended.' },
});

const streamExample = [
  'event: step',
  'data: {"time":"2026-11-23T12:00:00.000Z","step":"configure_nodes","state":"running","attempt":1,"text":"configure_nodes started"}',
  '',
  'id: 4711',
  'event: line',
  'data: {"seq":4711,"time":"2026-11-23T12:00:03.000Z","step":"configure_nodes","text":"n1: postgres_node : converge: changed"}',
  '',
  ': still here',
  '',
  'event: step',
  'data: {"time":"2026-11-23T12:00:08.100Z","step":"configure_nodes","state":"succeeded","attempt":1,"text":"configure_nodes succeeded after 8.1 s"}',
  '',
  'event: end',
  'data: {"id":"op_01979a3c-5f7e-7c11-8d2a-3b9f6c1e0a55","kind":"cluster.create","state":"succeeded"}',
  '',
].join('\n');

export const getLog = defineEndpoint({
  id: 'readLog',
  method: 'GET',
  path: '/operations/{operationId}/log',
  tag,
  summary: 'Read the log of an operation',
  description:
    'Returns what the steps and jobs of the operation reported. Lines are kept for seven days. As JSON: a page of complete lines, including the ' +
    'output of programs. With `Accept: text/event-stream`: server-sent events, first the existing lines, then new ones as they arrive. ' +
    '`event: line` is one short readable line. `event: step` reports that a step started, succeeded or failed; a resumed stream repeats the ' +
    'current states. `event: end` carries the ended operation. With `raw=true` the stream sends complete lines (LogEntry), including the ' +
    'output of programs. Comments in between keep the connection alive. Resume a broken stream with `Last-Event-ID`.',
  params,
  query: LogQuery,
  headers: LogHeaders,
  answer: {
    status: 200,
    description: 'Lines of the log.',
    schema: LogPage,
    mediaTypes: {
      'text/event-stream': {
        description:
          'Events `line` (LogText, or LogEntry with `raw=true`; its id is the `seq`), `step` (StepChange) and finally `end` (Operation).',
        example: streamExample,
      },
    },
  },
  refusals: { 404: missing },
});
