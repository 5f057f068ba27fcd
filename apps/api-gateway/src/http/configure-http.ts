import type { Server } from 'node:http';
import type { INestApplication } from '@nestjs/common';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { docsPage } from '../docs/docs-page';
import { accessLog } from './access-log';
import type { ApiTokens } from './api-tokens';
import { bearerAuth } from './bearer-auth';
import { Drain } from './drain';
import { httpMetrics } from './http-metrics';
import { bodyLimit, checkBodyHeaders, parseBody } from './json-body';
import { ProblemFilter } from './problem.filter';
import { answerRawErrors } from './raw-http-errors';
import { nameRequest } from './request-context';
import { routeGate } from './route-gate';
import { securityHeaders } from './security-headers';
import { TimeLimit, timeLimitMs } from './time-limit.interceptor';

/** Sets up everything between the socket and the controllers, in the order in which a request passes it. */
export const configureHttp = (application: INestApplication, tokens: ApiTokens): void => {
  const app = application as NestExpressApplication;
  const server = app.getHttpServer() as Server;
  answerRawErrors(server);
  server.requestTimeout = timeLimitMs;
  server.headersTimeout = 10_000;
  // Longer than load balancers keep idle connections (usually 60 s), so that they never send into a connection that is closing.
  server.keepAliveTimeout = 75_000;

  app.disable('x-powered-by');
  app.disable('etag');
  app.useGlobalFilters(new ProblemFilter());
  app.useGlobalInterceptors(new TimeLimit());

  app.use(app.get(Drain).count, nameRequest, accessLog, httpMetrics, securityHeaders);
  app.use(routeGate, bearerAuth(tokens), checkBodyHeaders);
  app.useBodyParser('raw', { limit: bodyLimit, type: () => true, inflate: false });
  app.use(parseBody);
  docsPage(app);
};
