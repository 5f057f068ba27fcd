import type { RequestHandler } from 'express';
import { Gauge, Histogram } from 'prom-client';
import { contextOf } from './request-context';

const seconds = new Histogram({
  name: 'pgfleet_http_request_seconds',
  help: 'Duration of HTTP requests by route template, without event streams.',
  labelNames: ['method', 'route', 'status'],
  buckets: [0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15],
});
export const openStreams = new Gauge({
  name: 'pgfleet_http_event_streams',
  help: 'Number of open event streams.',
});

/** Callers can invent methods and paths, so labels have a bounded set of values. */
const methods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH']);

export const httpMetrics: RequestHandler = (request, response, next) => {
  response.once('close', () => {
    const { route, startedAt, streaming } = contextOf(request);
    if (streaming) return;
    const method = methods.has(request.method) ? request.method : 'other';
    seconds.observe({ method, route, status: response.statusCode }, (performance.now() - startedAt) / 1000);
  });
  next();
};
