import type { RequestHandler } from 'express';
import helmet from 'helmet';

const self = ["'self'"];

const everywhere = {
  referrerPolicy: { policy: 'no-referrer' },
  frameguard: { action: 'deny' },
  // The gateway itself speaks plain HTTP. Only a TLS proxy in front of it may promise HTTPS.
  strictTransportSecurity: false,
} as const;

/** Headers of the API, which serves no pages. */
const forApi = helmet({
  contentSecurityPolicy: {
    useDefaults: false,
    directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] },
  },
  ...everywhere,
});

/** Headers of the documentation page. Allows only its own scripts and styles; Swagger UI also needs inline styles and data images. */
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
  // Responses contain secrets and current states.
  response.setHeader('Cache-Control', 'no-store');
  forApi(request, response, next);
};
