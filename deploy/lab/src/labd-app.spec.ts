import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { labdApp } from './labd-app';
import { noCapacity, type Problem } from './problem';

describe('labd over HTTP', () => {
  let server: Server;
  let url: string;

  beforeAll(async () => {
    jest.spyOn(console, 'log').mockImplementation();
    const routes = express.Router();
    routes.get('/fine', (_request, response) => void response.json({ fine: true }));
    routes.get('/full', () => {
      throw noCapacity('3 of 3 machines are in use');
    });
    routes.get('/broken', () => Promise.reject(new Error('disk on fire')));
    routes.get('/named/:name', (_request, response) => void response.end());
    routes.put('/echo', (request, response) => void response.json(request.body));
    server = createServer(labdApp(routes, 'secret')).listen(0, '127.0.0.1');
    await once(server, 'listening');
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
  });
  afterAll(() => {
    server.close();
    jest.restoreAllMocks();
  });

  const send = (path: string, init: RequestInit = {}, token = 'secret') =>
    fetch(`${url}${path}`, { ...init, headers: { authorization: `Bearer ${token}` } });

  it('answers who has the token, and nobody else', async () => {
    expect(await (await send('/fine')).json()).toEqual({ fine: true });
    for (const token of ['', 'wrong!', 'secret2']) expect((await send('/fine', {}, token)).status).toBe(401);
    expect((await fetch(`${url}/fine`)).status).toBe(401);
  });

  it.each([
    ['/full', {}, 409, 'no-capacity'],
    ['/nowhere', {}, 404, 'not-found'],
    ['/fine', { method: 'DELETE' }, 404, 'not-found'],
    ['/echo', { method: 'PUT', body: '{"broken' }, 400, 'invalid-input'],
    ['/echo', { method: 'PUT', body: `"${'x'.repeat(70_000)}"` }, 413, 'too-large'],
    ['/named/%zz', {}, 400, 'invalid-input'],
  ])('answers %s with a problem', async (path, init, status, code) => {
    const answer = await send(path, init);
    expect(answer.headers.get('content-type')).toContain('application/problem+json');
    expect((await answer.json()) as Problem).toMatchObject({
      status,
      code,
      type: `urn:pgfleet:problem:${code}`,
    });
    expect(answer.status).toBe(status);
  });

  it('says what broke, and logs it', async () => {
    const log = jest.spyOn(console, 'error').mockImplementation();
    expect(await (await send('/broken')).json()).toMatchObject({
      status: 500,
      code: 'internal',
      detail: 'disk on fire',
    });
    expect(log).toHaveBeenCalled();
    log.mockRestore();
  });
});
