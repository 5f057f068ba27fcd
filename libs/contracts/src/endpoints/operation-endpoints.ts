import { z } from 'zod';
import { ListOperationsQuery, Operation } from '../api/operation';
import { LogHeaders, LogPage, LogQuery } from '../api/operation-log';
import { OperationId } from '../ids';
import { OperationPage } from '../requests/operation-requests';
import { defineEndpoint } from './define-endpoint';

const tag = 'Operations';
const params = z.strictObject({ operationId: OperationId });
const missing = 'There is no such operation.';

/** Operations of every service. One that does not answer now is named instead of leaving it out silently. */
export const OperationList = OperationPage.extend({
  unavailable: z
    .array(z.string())
    .meta({ description: 'services that did not answer: their operations are missing', example: [] }),
}).meta({ id: 'OperationList' });
export type OperationList = z.infer<typeof OperationList>;

export const getOperations = defineEndpoint({
  id: 'listOperations',
  method: 'GET',
  path: '/operations',
  tag,
  summary: 'List operations',
  description:
    'Newest first, page by page, of all services. When one of them does not answer, the others are listed and `unavailable` names it.',
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
    'How far it is: which step runs, since when, which attempt; and if it failed, at which step, why, and what to do.',
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
  description: 'Goes on from the step that failed, with what the steps before it gave.',
  params,
  answer: { status: 202, description: 'It goes on.', schema: Operation, location: '/operations/{id}' },
  refusals: { 404: missing, 409: 'It has not failed, or another operation is changing the cluster.' },
});

export const postCancel = defineEndpoint({
  id: 'cancelOperation',
  method: 'POST',
  path: '/operations/{operationId}/cancel',
  tag,
  summary: 'Cancel an operation',
  description:
    'Stops it before its next step, and the job that runs for it now. One that is scheduled is cancelled at once.',
  params,
  answer: {
    status: 202,
    description: 'It will stop, or was only scheduled and is cancelled.',
    schema: Operation,
    location: '/operations/{id}',
  },
  refusals: { 404: missing, 409: 'It has ended.' },
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
    'What its steps and jobs reported, kept for seven days. As JSON: a page of whole lines, with the output of programs. With ' +
    '`Accept: text/event-stream`: server-sent events, first what there is, then what comes. `event: line` is one short readable line; ' +
    '`event: step` says that a step started, succeeded or failed (a stream that is resumed repeats the present states); ' +
    "`event: end` is the operation when it has ended. With `raw=true` lines are whole (LogEntry), and programs' output is among them. " +
    'Comments in between are a sign of life. A stream that broke is resumed with `Last-Event-ID`.',
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
          'Events `line` (LogText, or LogEntry with `raw=true`; the id is its `seq`), `step` (StepChange), and at last `end` (Operation).',
        example: streamExample,
      },
    },
  },
  refusals: { 404: missing },
});
