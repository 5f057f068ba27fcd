import { invalidInput } from '@pgfleet/contracts';
import type { Request, RequestHandler } from 'express';
import { badRequest, noSuchRoute, urlTooLong, wrongMethod } from './http-problems';
import { contextOf } from './request-context';
import { findRoute } from './route-table';

const urlLimit = 2048;

/** Lets through what a route is there for, and says of everything else what is wrong with its target or method. */
export const routeGate: RequestHandler = (request, response, next) => {
  checkTarget(request);
  const [path = ''] = request.url.split('?');
  const route = findRoute(path);
  if (!route) {
    throw noSuchRoute('No route of the API has this path', {
      remedy: 'See /openapi.json for the routes, or /docs to read them. Paths have no trailing slash.',
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
    throw badRequest('The Host header is missing', { remedy: 'HTTP/1.1 requests need one (RFC 9112, 3.2).' });
  }
  if (request.url.length > urlLimit) {
    throw urlTooLong(`The URL has ${request.url.length} characters, the limit is ${urlLimit}`);
  }
  // A target in absolute form, as a proxy sends it (RFC 9112, 3.2.2).
  request.url = request.url.replace(/^https?:\/\/[^/?#]*/i, '') || '/';
};

const checkSegments = (path: string): void => {
  try {
    decodeURIComponent(path);
  } catch {
    throw invalidInput('The path is not valid percent-encoded UTF-8', {
      remedy: 'Ids have no characters that need encoding: use the id as it was given to you.',
    });
  }
};
