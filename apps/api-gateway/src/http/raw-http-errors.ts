import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { STATUS_CODES } from 'node:http';
import type { ProblemError } from '@pgfleet/contracts';
import { badRequest, headersTooLarge, requestTimeout, wrongExpectation, wrongMethod } from './http-problems';

type SocketError = NodeJS.ErrnoException;

const problemOf = (error: SocketError): ProblemError => {
  switch (error.code) {
    case 'HPE_HEADER_OVERFLOW':
      return headersTooLarge('Request line and headers have at most 16 KiB together');
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return requestTimeout('The request did not arrive in time', { remedy: 'Send it in one go.' });
    default:
      return badRequest('The bytes that were sent are not an HTTP request');
  }
};

const answer = ({ problem }: ProblemError): string => {
  const body = JSON.stringify(problem);
  return [
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}`,
    'Content-Type: application/problem+json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
    '',
    body,
  ].join('\r\n');
};

const refuse = (socket: Socket, problem: ProblemError): void => {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  socket.end(answer(problem), () => socket.destroySoon());
};

/** What node answers by itself, before Express sees a request, is a problem too. */
export const answerRawErrors = (server: Server): void => {
  // Node's own refusal of a missing Host header is an empty 400: the route gate does it better.
  (server as Server & { requireHostHeader: boolean }).requireHostHeader = false;
  server.on('clientError', (error: SocketError, socket: Socket) => {
    // The client is gone, or an answer to it is on its way already.
    const answering = (socket as Socket & { _httpMessage?: ServerResponse })._httpMessage;
    if (error.code === 'ECONNRESET' || answering?.headersSent) socket.destroy();
    else refuse(socket, problemOf(error));
  });
  server.on('connect', (_request: IncomingMessage, socket: Socket) => {
    refuse(socket, wrongMethod('CONNECT is not allowed: this is no proxy'));
  });
  server.on('checkExpectation', (_request: IncomingMessage, response: ServerResponse) => {
    const { problem } = wrongExpectation('Only `Expect: 100-continue` is understood');
    const body = JSON.stringify(problem);
    response.writeHead(problem.status, {
      'Content-Type': 'application/problem+json',
      'Content-Length': Buffer.byteLength(body),
      Connection: 'close',
    });
    response.end(body);
  });
};
