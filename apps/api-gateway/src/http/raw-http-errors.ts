import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { STATUS_CODES } from 'node:http';
import type { ProblemError } from '@pgfleet/contracts';
import { badRequest, headersTooLarge, requestTimeout, wrongExpectation, wrongMethod } from './http-problems';

type SocketError = NodeJS.ErrnoException;

const problemOf = (error: SocketError): ProblemError => {
  switch (error.code) {
    case 'HPE_HEADER_OVERFLOW':
      return headersTooLarge('The request line and headers are larger than 16 KiB');
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return requestTimeout('The request did not arrive in time', { remedy: 'Send it without pauses.' });
    default:
      return badRequest('The received bytes are not an HTTP request');
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

/** Answers with a problem where Node itself refuses a request before Express sees it. */
export const answerRawErrors = (server: Server): void => {
  // Node would answer a missing Host header with an empty 400. The route gate answers with a problem.
  (server as Server & { requireHostHeader: boolean }).requireHostHeader = false;
  server.on('clientError', (error: SocketError, socket: Socket) => {
    // The client is gone, or its response has already started.
    const answering = (socket as Socket & { _httpMessage?: ServerResponse })._httpMessage;
    if (error.code === 'ECONNRESET' || answering?.headersSent) socket.destroy();
    else refuse(socket, problemOf(error));
  });
  server.on('connect', (_request: IncomingMessage, socket: Socket) => {
    refuse(socket, wrongMethod('CONNECT is not allowed: this server is not a proxy'));
  });
  server.on('checkExpectation', (_request: IncomingMessage, response: ServerResponse) => {
    const { problem } = wrongExpectation('Only `Expect: 100-continue` is supported');
    const body = JSON.stringify(problem);
    response.writeHead(problem.status, {
      'Content-Type': 'application/problem+json',
      'Content-Length': Buffer.byteLength(body),
      Connection: 'close',
    });
    response.end(body);
  });
};
