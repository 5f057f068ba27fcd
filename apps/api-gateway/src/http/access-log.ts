import { Logger } from '@nestjs/common';
import type { RequestHandler } from 'express';
import { contextOf } from './request-context';

const logger = new Logger('Access');

/** One line per request when it is over. No bodies, no headers, no query: secrets and personal data stay out of the log. */
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
      // The caller went away before the answer was complete.
      ...(!response.writableFinished && { aborted: true }),
    };
    // Asked every few seconds by machines.
    if (/^\/(health|metrics)/.test(route)) logger.debug(line);
    else logger.log(line);
  });
  next();
};
