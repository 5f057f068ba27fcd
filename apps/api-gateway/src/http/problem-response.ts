import type { Problem } from '@pgfleet/contracts';
import type { Request, Response } from 'express';
import { contextOf } from './request-context';

const retryAfterSeconds = 2;

/** How to repeat a POST that may already have taken effect. */
const whenUnknown = (request: Request): string =>
  request.headers['idempotency-key'] === undefined
    ? 'The request may have taken effect: look before you send it again. To retry safely, send an Idempotency-Key with every POST.'
    : 'Send the same request with the same Idempotency-Key again: nothing runs twice.';

/** Answers with a problem (RFC 9457) and the headers for its status. */
export const sendProblem = (request: Request, response: Response, problem: Problem): void => {
  const body: Problem = { ...problem, requestId: contextOf(request).id };
  if (problem.status === 503) {
    response.setHeader('Retry-After', retryAfterSeconds);
    if (request.method === 'POST')
      body.remedy = [whenUnknown(request), problem.remedy].filter(Boolean).join(' ');
  }
  // The route may have set this for its success response.
  response.removeHeader('Location');
  response.status(problem.status);
  response.setHeader('Content-Type', 'application/problem+json');
  const text = JSON.stringify(body);
  response.setHeader('Content-Length', Buffer.byteLength(text));
  response.end(text);
};
