import { unauthorized } from '@pgfleet/contracts';
import type { RequestHandler } from 'express';
import type { ApiTokens } from './api-tokens';
import { contextOf } from './request-context';
import { findRoute } from './route-table';

const remedy = 'Send the header `Authorization: Bearer <token>` with a token of the platform.';

/** Requires a token on every route that is not open (RFC 6750). */
export const bearerAuth =
  (tokens: ApiTokens): RequestHandler =>
  (request, response, next) => {
    if (!findRoute(request.path)?.needsToken) {
      next();
      return;
    }
    const header = request.headers.authorization;
    const [, token] = /^Bearer +(\S+)$/i.exec(header ?? '') ?? [];
    const caller = token === undefined ? null : tokens.recognize(token);
    if (caller === null) {
      const invalid = header === undefined ? '' : ', error="invalid_token"';
      response.setHeader('WWW-Authenticate', `Bearer realm="pgfleet"${invalid}`);
      throw unauthorized(header === undefined ? 'The request has no token' : 'The token is not valid', {
        remedy,
      });
    }
    contextOf(request).caller = caller;
    next();
  };
