import type { Problem } from '@pgfleet/contracts';
import type { Request, Response } from 'express';
import { contextOf } from './request-context';

const retryAfterSeconds = 2;

/** How a POST that may or may not have had its effect is sent again. */
const whenUnknown = (request: Request): string =>
  request.headers['idempotency-key'] === undefined
    ? 'The request may have been carried out all the same: look before you send it again, and send an Idempotency-Key with every POST to be safe.'
    : 'Send the same request with the same Idempotency-Key again: nothing is done twice.';

/** Answers with a problem (RFC 9457), with the headers that belong to its status. */
export const sendProblem = (request: Request, response: Response, problem: Problem): void => {
  const body: Problem = { ...problem, requestId: contextOf(request).id };
  if (problem.status === 503) {
    response.setHeader('Retry-After', retryAfterSeconds);
    if (request.method === 'POST')
      body.remedy = [whenUnknown(request), problem.remedy].filter(Boolean).join(' ');
  }
  // What the route would have answered with does not hold any more.
  response.removeHeader('Location');
  response.status(problem.status);
  response.setHeader('Content-Type', 'application/problem+json');
  const text = JSON.stringify(body);
  response.setHeader('Content-Length', Buffer.byteLength(text));
  response.end(text);
};
