import { z } from 'zod';
import { defineEndpoint } from './define-endpoint';

const tag = 'Platform';

export const getLive = defineEndpoint({
  id: 'getLiveness',
  method: 'GET',
  path: '/health/live',
  tag,
  summary: 'Check liveness',
  description: 'Answers as long as the gateway runs. Does not check its dependencies.',
  open: true,
  answer: {
    status: 200,
    description: 'The gateway is live.',
    schema: z.object({ status: z.literal('live') }),
  },
});

export const getReady = defineEndpoint({
  id: 'getReadiness',
  method: 'GET',
  path: '/health/ready',
  tag,
  summary: 'Check readiness',
  description: 'Checks that NATS is connected and the cluster-service answers.',
  open: true,
  answer: {
    status: 200,
    description: 'The gateway is ready.',
    schema: z.object({
      status: z.literal('ready'),
      checks: z.array(z.string()).meta({ example: ['nats', 'cluster-service'] }),
    }),
  },
  refusals: { 503: 'A dependency does not answer; the problem says which.' },
});

export const getMetrics = defineEndpoint({
  id: 'getMetrics',
  method: 'GET',
  path: '/metrics',
  tag,
  summary: 'Get the metrics',
  description: 'Returns the metrics in the Prometheus text format.',
  open: true,
  answer: {
    status: 200,
    description: 'The metrics of this gateway.',
    schema: null,
    mediaTypes: {
      'text/plain': {
        description: 'One line per series.',
        example: 'pgfleet_http_request_seconds_count{method="GET",route="/clusters",status="200"} 12\n',
      },
    },
  },
});

export const getOpenApi = defineEndpoint({
  id: 'getOpenApi',
  method: 'GET',
  path: '/openapi.json',
  tag,
  summary: 'Get the OpenAPI document',
  description: 'Returns this API as OpenAPI 3.1. Open `/docs` to read it and try it out.',
  open: true,
  answer: {
    status: 200,
    description: 'The OpenAPI document.',
    schema: z.looseObject({ openapi: z.literal('3.1.0') }),
  },
});
