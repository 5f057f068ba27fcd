import { type ArgumentsHost, HttpException, Logger } from '@nestjs/common';
import { conflict, unavailable } from '@pgfleet/contracts';
import { ProblemFilter } from './problem.filter';

const answerTo = (error: unknown, request: object = {}) => {
  const headers: Record<string, unknown> = {};
  const answer = { status: 0, body: {} as Record<string, unknown>, headers };
  const response = {
    headersSent: false,
    status: (status: number) => (answer.status = status),
    setHeader: (name: string, value: unknown) => (headers[name.toLowerCase()] = value),
    removeHeader: (name: string) => delete headers[name.toLowerCase()],
    end: (text: string) => (answer.body = JSON.parse(text) as Record<string, unknown>),
  };
  const all = { method: 'GET', headers: {}, ...request };
  const http = { getRequest: () => all, getResponse: () => response };
  new ProblemFilter().catch(error, { switchToHttp: () => http } as unknown as ArgumentsHost);
  return answer;
};

describe('ProblemFilter', () => {
  let logged: jest.SpyInstance;
  beforeEach(() => (logged = jest.spyOn(Logger.prototype, 'error').mockImplementation()));
  afterEach(() => logged.mockRestore());

  it('answers with the problem that was thrown, and the id of the request', () => {
    const { status, body, headers } = answerTo(
      conflict('taken', { remedy: 'Use another.', extra: { by: 'usr_1' } }),
      {
        headers: { 'x-request-id': 'mine' },
      },
    );
    expect(status).toBe(409);
    expect(headers['content-type']).toBe('application/problem+json');
    expect(body).toMatchObject({
      code: 'conflict',
      detail: 'taken',
      remedy: 'Use another.',
      by: 'usr_1',
      requestId: 'mine',
    });
    expect(logged).not.toHaveBeenCalled();
  });

  it('generates a request id if the sent one has unusual characters', () => {
    const { body } = answerTo(conflict('x'), { headers: { 'x-request-id': 'a b"<script>' } });
    expect(body.requestId).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('says when to retry a request that needs an unavailable service', () => {
    const { headers, body } = answerTo(unavailable('gone', { remedy: 'Look.' }));
    expect(headers['retry-after']).toBe(2);
    expect(body.remedy).toBe('Look.');
  });

  it('says that a retry is safe with a key, and may not be without one', () => {
    const withKey = { method: 'POST', headers: { 'idempotency-key': 'k' } };
    expect(answerTo(unavailable('gone'), withKey).body.remedy).toMatch(/same Idempotency-Key again/);
    expect(answerTo(unavailable('gone'), { method: 'POST' }).body.remedy).toMatch(/look before/);
  });

  it.each([400, 404, 413, 415])('turns a %d of the framework into a problem with our own words', (status) => {
    const answer = answerTo(new HttpException('Cannot GET /etc', status));
    expect([answer.status, answer.body.status]).toEqual([status, status]);
    expect(JSON.stringify(answer.body)).not.toContain('Cannot GET');
  });

  it('logs an unexpected error and reveals nothing about it', () => {
    const answer = answerTo(new TypeError('x is undefined at /opt/pgfleet/a.js:1:2'));
    expect([answer.status, answer.body.code]).toEqual([500, 'internal']);
    expect(JSON.stringify(answer.body)).not.toMatch(/undefined|\.js/);
    expect(logged).toHaveBeenCalledWith(expect.objectContaining({ requestId: answer.body.requestId }));
  });
});
