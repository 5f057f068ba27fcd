import { Logger } from '@nestjs/common';
import type { RequestHandler } from 'express';
import { contextOf } from './request-context';

const logger = new Logger('Access');

/** Logs one line per finished request. Logs no bodies, headers or query, to keep secrets and personal data out. */
export const accessLog: RequestHandler = (request, response, next) => {
  const [path = ''] = request.originalUrl.split('?');
  response.once('close', () => {
    const { id, route, caller, startedAt } = contextOf(request);
    const line = {
      msg: `${request.method} ${route} ${response.statusCode}`,
      requestId: id,
      method: request.method,
      route,
      path: path.slice(0, 200),
      status: response.statusCode,
      milliseconds: Math.round(performance.now() - startedAt),
      bytes: Number(response.getHeader('content-length') ?? 0),
      address: request.socket.remoteAddress,
      caller,
      // The caller disconnected before the response was complete.
      ...(!response.writableFinished && { aborted: true }),
    };
    // Probes and scrapers call these every few seconds.
    if (/^\/(health|metrics)/.test(route)) logger.debug(line);
    else logger.log(line);
  });
  next();
};
