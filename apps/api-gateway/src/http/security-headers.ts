import type { RequestHandler } from 'express';
import helmet from 'helmet';

const self = ["'self'"];

const everywhere = {
  referrerPolicy: { policy: 'no-referrer' },
  frameguard: { action: 'deny' },
  // The gateway itself speaks plain HTTP: only a front that speaks TLS may promise it.
  strictTransportSecurity: false,
} as const;

/** The API: nothing of it is a page. Its answers hold secrets and states, so nobody keeps a copy. */
const forApi = helmet({
  contentSecurityPolicy: {
    useDefaults: false,
    directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] },
  },
  ...everywhere,
});

/** The page of the documentation: scripts and styles of its own only; Swagger UI sets styles on elements and has images as data. */
const forDocs = helmet({
  contentSecurityPolicy: {
    useDefaults: false,
    directives: {
      defaultSrc: ["'none'"],
      scriptSrc: self,
      styleSrc: [...self, "'unsafe-inline'"],
      imgSrc: [...self, 'data:'],
      fontSrc: [...self, 'data:'],
      connectSrc: self,
      baseUri: ["'none'"],
      formAction: ["'none'"],
      frameAncestors: ["'none'"],
    },
  },
  ...everywhere,
});

export const securityHeaders: RequestHandler = (request, response, next) => {
  if (/^\/docs(\/|$)/.test(request.path)) {
    forDocs(request, response, next);
    return;
  }
  response.setHeader('Cache-Control', 'no-store');
  forApi(request, response, next);
};
