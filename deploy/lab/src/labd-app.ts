import { timingSafeEqual } from 'node:crypto';
import express, { type ErrorRequestHandler, type Express, type RequestHandler, type Router } from 'express';
import { internal, invalidInput, notFound, ProblemError, tooLarge, unauthorized } from './problem';

/** The API as an HTTP application: with a token on the bridge, without one on the unix socket, which only root can open. */
export function labdApp(routes: Router, token?: string): Express {
  const app = express();
  app.disable('x-powered-by');
  if (token !== undefined) app.use(bearer(token));
  app.use(express.json({ limit: '64kb', type: () => true }));
  app.use(logChange);
  app.use('/v1', routes);
  app.use((request) => {
    throw notFound(`there is no ${request.method} ${request.path}`);
  });
  app.use(answerProblem);
  return app;
}

/** Logs one line for each requested change, with its outcome, so that a machine's history can be read afterwards. */
const logChange: RequestHandler = (request, response, next) => {
  if (request.method === 'GET') return next();
  const started = Date.now();
  const what = `${request.method} ${request.originalUrl} ${JSON.stringify(request.body ?? null)}`;
  response.on('finish', () => {
    console.log(`${new Date().toISOString()} ${what} ${response.statusCode} ${Date.now() - started} ms`);
  });
  next();
};

function bearer(token: string): RequestHandler {
  const expected = Buffer.from(`Bearer ${token}`);
  return (request, _response, next) => {
    const given = Buffer.from(request.get('authorization') ?? '');
    if (given.length === expected.length && timingSafeEqual(given, expected)) return next();
    throw unauthorized(
      'send "Authorization: Bearer <token>" with the token in labd.token of the lab\'s state folder',
    );
  };
}

const answerProblem: ErrorRequestHandler = (error, request, response, _next) => {
  const { problem } = asProblem(error);
  if (problem.status >= 500)
    console.error(`${new Date().toISOString()} ${request.method} ${request.path}`, error);
  if (response.headersSent) return void response.destroy();
  response.status(problem.status).type('application/problem+json').json(problem);
};

function asProblem(error: unknown): ProblemError {
  if (error instanceof ProblemError) return error;
  const { status, message } = error as { status?: number; message?: string };
  if (status === 413) return tooLarge('the body is larger than 64 KiB');
  // Refusals of Express and its body parser: broken JSON, a wrong charset, a broken escape in the path.
  if (status !== undefined && status >= 400 && status < 500)
    return invalidInput(message ?? 'the request cannot be read');
  return internal(message ?? String(error));
}
