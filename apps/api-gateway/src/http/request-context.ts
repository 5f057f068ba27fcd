import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { RequestHandler } from 'express';

/** What is known of a request, for the log, the metrics and the answer. */
export interface RequestContext {
  /** The caller's `X-Request-Id` when it is a plain one, else made here. */
  readonly id: string;
  readonly startedAt: number;
  /** The template of the route, so that metrics have few values; `unmatched` until it is known. */
  route: string;
  /** Which token was shown, by a short name. */
  caller: string | null;
  /** True once the answer is an event stream, which lasts as long as somebody listens. */
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

/** Names the request in the answer, also when it is a refusal. */
export const nameRequest: RequestHandler = (request, response, next) => {
  response.setHeader('X-Request-Id', contextOf(request).id);
  next();
};
