import { z } from 'zod';
import { defineEndpoint } from './define-endpoint';

const tag = 'Platform';

export const getLive = defineEndpoint({
  id: 'getLiveness',
  method: 'GET',
  path: '/health/live',
  tag,
  summary: 'Liveness',
  description: 'The gateway answers. Says nothing of what it depends on.',
  open: true,
  answer: { status: 200, description: 'It lives.', schema: z.object({ status: z.literal('live') }) },
});

export const getReady = defineEndpoint({
  id: 'getReadiness',
  method: 'GET',
  path: '/health/ready',
  tag,
  summary: 'Readiness',
  description: 'NATS is connected and the cluster-service answers.',
  open: true,
  answer: {
    status: 200,
    description: 'It can do its work.',
    schema: z.object({
      status: z.literal('ready'),
      checks: z.array(z.string()).meta({ example: ['nats', 'cluster-service'] }),
    }),
  },
  refusals: { 503: 'Something that it needs does not answer; the problem says what.' },
});

export const getMetrics = defineEndpoint({
  id: 'getMetrics',
  method: 'GET',
  path: '/metrics',
  tag,
  summary: 'Metrics',
  description: "Prometheus' text format.",
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
  summary: 'This document',
  description: 'The API as OpenAPI 3.1. `/docs` is a page to read and try it.',
  open: true,
  answer: {
    status: 200,
    description: 'An OpenAPI document.',
    schema: z.looseObject({ openapi: z.literal('3.1.0') }),
  },
});
