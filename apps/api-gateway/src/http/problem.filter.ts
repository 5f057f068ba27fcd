import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException, Logger } from '@nestjs/common';
import { type Problem, ProblemError } from '@pgfleet/contracts';
import type { Request, Response } from 'express';
import { badRequest, internalError, noSuchRoute, wrongContentType } from './http-problems';
import { tooLarge } from './json-body';
import { sendProblem } from './problem-response';
import { contextOf } from './request-context';

/** Problems for the errors of Express and Nest themselves, by status. */
const byStatus: Record<number, () => ProblemError> = {
  400: () => badRequest('The request could not be read'),
  404: () => noSuchRoute('The path does not exist'),
  413: tooLarge,
  415: () =>
    wrongContentType('The body is compressed or has another encoding', {
      remedy: 'Send plain JSON in UTF-8.',
    }),
};

/** Turns every error into a problem. Logs unexpected errors, and reveals nothing about them to the caller. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  private readonly logger = new Logger('Problem');

  catch(error: unknown, host: ArgumentsHost): void {
    const request = host.switchToHttp().getRequest<Request>();
    const response = host.switchToHttp().getResponse<Response>();
    const problem = this.problemOf(error, request);
    if (response.headersSent) {
      response.destroy();
      return;
    }
    sendProblem(request, response, problem);
  }

  private problemOf(error: unknown, request: Request): Problem {
    if (error instanceof ProblemError) return error.problem;
    const known = error instanceof HttpException && byStatus[error.getStatus()];
    if (known) return known().problem;
    const { id } = contextOf(request);
    this.logger.error({ msg: 'A request failed', requestId: id, err: error });
    return internalError('The gateway could not answer the request', {
      remedy: `Search the log of the api-gateway for request ${id}.`,
    }).problem;
  }
}
