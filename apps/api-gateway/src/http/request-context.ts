import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { RequestHandler } from 'express';

/** Facts about a request for the log, the metrics and the response. */
export interface RequestContext {
  /** The caller's `X-Request-Id` if it has only plain characters; otherwise generated here. */
  readonly id: string;
  readonly startedAt: number;
  /** The template of the route, so that metric labels have few values; `unmatched` until it is known. */
  route: string;
  /** Short name of the caller's token. */
  caller: string | null;
  /** Whether the response is an event stream, which lasts as long as its reader stays connected. */
  streaming: boolean;
}

const contexts = new WeakMap<IncomingMessage, RequestContext>();
const plainId = /^[A-Za-z0-9._:-]{1,128}$/;

export const contextOf = (request: IncomingMessage): RequestContext => {
  const known = contexts.get(request);
  if (known) return known;
  const given = request.headers['x-request-id'];
  const context: RequestContext = {
    id: typeof given === 'string' && plainId.test(given) ? given : randomUUID(),
    startedAt: performance.now(),
    route: 'unmatched',
    caller: null,
    streaming: false,
  };
  contexts.set(request, context);
  return context;
};

/** Sends the request id with every response, including problems. */
export const nameRequest: RequestHandler = (request, response, next) => {
  response.setHeader('X-Request-Id', contextOf(request).id);
  next();
};
