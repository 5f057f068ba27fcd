import type { RequestHandler } from 'express';
import helmet from 'helmet';

const self = ["'self'"];

/** The API: nothing of it is a page. Its answers hold secrets and states, so nobody keeps a copy. */
const forApi = helmet({
  contentSecurityPolicy: {
    useDefaults: false,
    directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] },
  },
  referrerPolicy: { policy: 'no-referrer' },
  frameguard: { action: 'deny' },
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
  // The gateway may be served by plain HTTP inside a network: only a TLS front may promise TLS.
  strictTransportSecurity: false,
  referrerPolicy: { policy: 'no-referrer' },
  frameguard: { action: 'deny' },
});

export const securityHeaders: RequestHandler = (request, response, next) => {
  if (/^\/docs(\/|$)/.test(request.path)) {
    forDocs(request, response, next);
    return;
  }
  response.setHeader('Cache-Control', 'no-store');
  forApi(request, response, next);
};
