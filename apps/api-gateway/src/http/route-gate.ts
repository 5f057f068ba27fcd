import { invalidInput } from '@pgfleet/contracts';
import type { Request, RequestHandler } from 'express';
import { badRequest, noSuchRoute, urlTooLong, wrongMethod } from './http-problems';
import { contextOf } from './request-context';
import { findRoute } from './route-table';

const urlLimit = 2048;

/** Passes requests that match a route. Refuses all others and says what is wrong with their target or method. */
export const routeGate: RequestHandler = (request, response, next) => {
  checkTarget(request);
  const [path = ''] = request.url.split('?');
  const route = findRoute(path);
  if (!route) {
    throw noSuchRoute('The API has no route with this path', {
      remedy: 'See /docs or /openapi.json for the routes. Paths have no trailing slash.',
    });
  }
  contextOf(request).route = route.template;
  checkSegments(path);
  const methods = route.methods.includes('GET') ? [...route.methods, 'HEAD'] : route.methods;
  const allow = [...methods, 'OPTIONS'].join(', ');
  if (request.method === 'OPTIONS') {
    response.setHeader('Allow', allow);
    response.status(204).end();
    return;
  }
  if (!methods.includes(request.method)) {
    response.setHeader('Allow', allow);
    throw wrongMethod(`${request.method} is not allowed at ${route.template}`, {
      remedy: `Use one of: ${allow}.`,
    });
  }
  next();
};

const checkTarget = (request: Request): void => {
  if (request.headers.host === undefined && request.httpVersion === '1.1') {
    throw badRequest('The Host header is missing', {
      remedy: 'Send one: HTTP/1.1 requires it (RFC 9112, 3.2).',
    });
  }
  if (request.url.length > urlLimit) {
    throw urlTooLong(`The URL has ${request.url.length} characters; the limit is ${urlLimit}`);
  }
  // Proxies send the target in absolute form (RFC 9112, 3.2.2).
  request.url = request.url.replace(/^https?:\/\/[^/?#]*/i, '') || '/';
};

const checkSegments = (path: string): void => {
  try {
    decodeURIComponent(path);
  } catch {
    throw invalidInput('The path is not valid percent-encoded UTF-8', {
      remedy: 'Ids contain no characters that need encoding: use the id as you received it.',
    });
  }
};
