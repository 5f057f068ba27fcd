import { problemKind } from '@pgfleet/contracts';

/** Problems of HTTP itself. Use cases throw the others. */
export const badRequest = problemKind('bad-request', 400, 'The request is not valid HTTP');
export const noSuchRoute = problemKind('no-such-route', 404, 'The path does not exist');
export const wrongMethod = problemKind('method-not-allowed', 405, 'The method is not allowed here');
export const requestTimeout = problemKind('request-timeout', 408, 'The request took too long to arrive');
export const bodyTooLarge = problemKind('body-too-large', 413, 'The body is too large');
export const urlTooLong = problemKind('url-too-long', 414, 'The URL is too long');
export const wrongContentType = problemKind('wrong-content-type', 415, 'The body is not JSON');
export const wrongExpectation = problemKind('expectation-failed', 417, 'The expectation cannot be met');
export const headersTooLarge = problemKind('headers-too-large', 431, 'The headers are too large');
export const internalError = problemKind('internal', 500, 'An internal error occurred');
